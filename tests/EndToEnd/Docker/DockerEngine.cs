using System.Diagnostics;

namespace Testbed.Tests.EndToEnd.Docker;

/// <summary>The Docker engine of this machine, asked through its own command line and not through our code.</summary>
internal static class DockerEngine
{
    private static readonly Lazy<string?> Missing = new(WhyNot);

    /// <summary>
    /// Skips the test where there is no engine; fails it in continuous integration, which installs one.
    /// </summary>
    public static void Require()
    {
        if (Missing.Value is { } why)
        {
            Assert.True(Environment.GetEnvironmentVariable("CI") != "true", "no Docker engine in continuous integration: " + why);
            Assert.Skip("no Docker engine: " + why);
        }
    }

    /// <summary>Containers, networks and volumes that carry the label of this run.</summary>
    public static async Task<IReadOnlyList<string>> LeftOfAsync(string runId)
    {
        var filter = $"label=io.testbed.run={runId}";
        return
        [
            .. await LinesAsync("ps", "--all", "--quiet", "--filter", filter),
            .. await LinesAsync("network", "ls", "--quiet", "--filter", filter),
            .. await LinesAsync("volume", "ls", "--quiet", "--filter", filter),
        ];
    }

    /// <summary>What a docker command prints, by line; it must succeed.</summary>
    public static async Task<IReadOnlyList<string>> LinesAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"docker {string.Join(' ', arguments)}: {await error}");
        return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string? WhyNot()
    {
        try
        {
            using var process = Start("version", "--format", "{{.Server.Version}}");
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : error.Split('\n')[0];
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "the docker command is not installed";
        }
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo("docker", arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
