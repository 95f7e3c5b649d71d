using System.Text.RegularExpressions;

namespace Testbed.Tests.EndToEnd.Compose;

/// <summary>The files of <c>compose/</c>, as far as they can be judged without starting anything.</summary>
public sealed partial class ConfigurationTests
{
    private static readonly string Folder = Repository.Of("compose");

    public static TheoryData<string> Combinations() =>
        ["raft.yml", "ecc.yml", "raft.yml monitoring.yml", "ecc.yml monitoring.yml"];

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Compose_accepts_the_files_and_publishes_to_this_machine_only(string files)
    {
        Tool.Require("docker-compose");
        var words = files.Split(' ').SelectMany(f => new[] { "-f", Path.Combine(Folder, f) }).ToList();
        var resolved = await Tool.MustAsync("docker-compose", [.. words, "config"]);
        var published = Published().Matches(resolved).Select(m => m.Groups[1].Value).ToList();
        Assert.NotEmpty(published);
        Assert.All(published, p => Assert.StartsWith("127.0.0.1:", p, StringComparison.Ordinal));
        Assert.Equal(published.Count, published.Select(p => p.Split(':')[1]).Distinct().Count());
    }

    [Fact]
    public async Task Both_clusters_have_ports_of_their_own()
    {
        Tool.Require("docker-compose");
        var ports = new List<string>();
        foreach (var file in new[] { "raft.yml", "ecc.yml" })
        {
            var resolved = await Tool.MustAsync("docker-compose", ["-f", Path.Combine(Folder, file), "config"]);
            ports.AddRange(Published().Matches(resolved).Select(m => m.Groups[1].Value.Split(':')[1]));
        }

        Assert.Equal(20, ports.Distinct().Count());
    }

    [Theory]
    [InlineData("check", "config", "prometheus.yml")]
    [InlineData("check", "rules", "rules.yml")]
    [InlineData("test", "rules", "rules.test.yml")]
    public async Task Promtool_accepts_the_configuration_and_the_rules_do_what_their_tests_say(
        string verb, string noun, string file)
    {
        Tool.Require("promtool");
        await Tool.MustAsync("promtool", [verb, noun, file], folder: Path.Combine(Folder, "prometheus"));
    }

    [Fact]
    public void Every_file_that_a_container_is_given_exists()
    {
        var mounts = Mounted().Matches(File.ReadAllText(Path.Combine(Folder, "monitoring.yml")));
        Assert.Equal(3, mounts.Count);
        Assert.All(mounts, m => Assert.True(Directory.Exists(Path.Combine(Folder, m.Groups[1].Value)), m.Value));
        Assert.True(File.Exists(Path.Combine(Folder, "grafana", "dashboards", "testbed.json")));
    }

    [Fact]
    public async Task The_sources_that_the_Dockerfile_copies_are_all_that_its_build_needs()
    {
        var dockerfile = await File.ReadAllTextAsync(
            Path.Combine(Folder, "Dockerfile"), TestContext.Current.CancellationToken);
        Assert.Contains(
            "dotnet publish nodes/Node -c Release -r \"$runtime\" -p:PublishAot=true -o /publish", dockerfile,
            StringComparison.Ordinal);
        var copy = Directory.CreateTempSubdirectory("testbed-e2e-");
        try
        {
            foreach (var source in CopiedSources(dockerfile))
            {
                Copy(Repository.Of(source), Path.Combine(copy.FullName, source));
            }

            // Without ahead-of-time compilation, which takes minutes: the point is that nothing is missing.
            await Tool.MustAsync(
                "dotnet",
                [
                    "build", "nodes/Node", "-c", "Release", "-v", "q", "-p:RunAnalyzers=false", "-nodeReuse:false",
                    "-p:UseSharedCompilation=false",
                ],
                folder: copy.FullName);
            Assert.True(File.Exists(Path.Combine(copy.FullName, "nodes/Node/bin/Release/net10.0/testbed-node.dll")));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    private static List<string> CopiedSources(string dockerfile) =>
        [.. dockerfile.Split('\n').Where(l => l.StartsWith("COPY ", StringComparison.Ordinal))
            .Where(l => !l.Contains("--from=", StringComparison.Ordinal))
            .SelectMany(l => l.Split(' ')[1..^1]).Select(s => s.TrimEnd('/'))];

    private static void Copy(string from, string to)
    {
        if (File.Exists(from))
        {
            File.Copy(from, to);
            return;
        }

        Assert.True(Directory.Exists(from), $"{from} is not there");
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.EnumerateDirectories(from).Where(f => Path.GetFileName(f) is not ("bin" or "obj")))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    [GeneratedRegex(@"^ +- ([0-9.]*:?\d+:\d+(?:/tcp)?)$", RegexOptions.Multiline)]
    private static partial Regex Published();

    [GeneratedRegex(@"- \./([^:]+):", RegexOptions.Multiline)]
    private static partial Regex Mounted();
}
