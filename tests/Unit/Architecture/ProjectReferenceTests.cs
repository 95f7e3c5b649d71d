using System.Xml.Linq;

namespace Testbed.Tests.Unit.Architecture;

/// <summary>
/// Holds the table of docs/ARCHITECTURE.md: which project may reference which, and what core projects may
/// use.
/// </summary>
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> AllowedReferences = new(StringComparer.Ordinal)
    {
        ["Erasure"] = [],
        ["Store"] = [],
        ["Wire"] = [],
        ["Log"] = [],
        ["Raft"] = ["Store", "Wire"],
        ["Ecc"] = ["Store", "Erasure", "Wire"],
        ["Node"] = ["Raft", "Ecc", "Store", "Erasure", "Wire", "Log"],
        ["Client"] = ["Wire", "Raft", "Ecc", "Erasure"],
        ["Workloads"] = [],
        ["Faults"] = [],
        ["Checker"] = [],
        ["Injectors"] = ["Faults"],
        ["Links"] = [],
        ["Simulator"] = ["Raft", "Ecc", "Store", "Erasure", "Wire", "Log", "Faults", "Workloads", "Checker"],
        ["Results"] = ["Checker"],
        ["Reports"] = ["Results"],
        ["Harness"] =
            ["Client", "Workloads", "Faults", "Injectors", "Checker", "Results", "Reports", "Simulator"],
    };

    private static readonly HashSet<string> CoreProjects = new(StringComparer.Ordinal)
    {
        "Erasure", "Store", "Wire", "Log", "Raft", "Ecc", "Workloads", "Faults", "Checker", "Simulator",
    };

    private static string Root { get; } = FindRoot();

    [Fact]
    public void Every_project_references_only_what_the_table_allows()
    {
        var wrong = new List<string>();
        foreach (var (name, project) in ProductProjects())
        {
            var allowed = AllowedReferences[name];
            wrong.AddRange(References(project).Where(reference => !allowed.Contains(reference))
                .Select(reference => $"{name} -> {reference}"));
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_table_names_every_product_project_and_no_other() =>
        Assert.Equal(AllowedReferences.Keys.Order(StringComparer.Ordinal),
            ProductProjects().Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Core_projects_are_built_with_the_banned_symbols_and_hosts_are_not_called_core()
    {
        foreach (var (name, project) in ProductProjects())
        {
            var tier = project.Descendants("Tier").Single().Value;
            Assert.Equal(CoreProjects.Contains(name) ? "core" : "host", tier);
        }

        var targets = File.ReadAllText(Path.Combine(Root, "Directory.Build.targets"));
        Assert.Contains("BannedSymbols.core.txt", targets, StringComparison.Ordinal);
    }

    [Fact]
    public void Core_projects_use_no_package_that_does_input_or_output()
    {
        foreach (var (name, project) in ProductProjects().Where(pair => CoreProjects.Contains(pair.Key)))
        {
            var packages = project.Descendants("PackageReference").Select(p => (string)p.Attribute("Include")!);
            Assert.All(packages, package => Assert.True(package == "System.IO.Hashing", $"{name} uses {package}"));
        }
    }

    [Fact]
    public void No_source_file_is_longer_than_800_lines()
    {
        var folders = new[] { "nodes", "workloads", "chaos", "results", "reports", "harness", "tests" };
        var separator = Path.DirectorySeparatorChar;
        var tooLong = folders
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal))
            .Where(file => File.ReadLines(file).Count() > 800);
        Assert.Empty(tooLong);
    }

    /// <summary>
    /// References the compiler sees; build-order-only references (the node program beside the harness) do not
    /// count.
    /// </summary>
    private static IEnumerable<string> References(XDocument project) =>
        project.Descendants("ProjectReference")
            .Where(reference => !IsBuildOrderOnly(reference))
            .Select(reference => NameOf((string)reference.Attribute("Include")!));

    private static bool IsBuildOrderOnly(XElement reference) =>
        ((string?)reference.Attribute("ReferenceOutputAssembly") ?? reference.Element("ReferenceOutputAssembly")?.Value)
            is "false";

    private static string NameOf(string path) =>
        Path.GetFileNameWithoutExtension(path.Replace('\\', '/'))["Testbed.".Length..];

    private static Dictionary<string, XDocument> ProductProjects() =>
        Directory.EnumerateFiles(Root, "Testbed.*.csproj", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Root, file).StartsWith("tests", StringComparison.Ordinal))
            .Where(file => !Path.GetRelativePath(Root, file).StartsWith("artifacts", StringComparison.Ordinal))
            .ToDictionary(NameOf, XDocument.Load, StringComparer.Ordinal);

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Testbed.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("Testbed.sln is in no folder above the tests");
    }
}
