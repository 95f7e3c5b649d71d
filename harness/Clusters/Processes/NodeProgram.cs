using System.Diagnostics;
using System.Globalization;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>Where the node program is and how it is started.</summary>
internal static class NodeProgram
{
    /// <summary>The node's exit code when its port is taken.</summary>
    public const int PortInUse = 69;

    // Ctrl-C on a terminal goes to the whole foreground group. The nodes ignore it (an ignored signal stays
    // ignored across exec), so that an interrupted run still has a cluster to drain against. Output goes
    // straight to the file: no pump to lose lines.
    private const string TiedScript = "log=$1; shift; trap '' INT HUP; exec \"$@\" >>\"$log\" 2>&1";
    private const string DetachedScript = "log=$1; shift; trap '' INT HUP; exec \"$@\" </dev/null >>\"$log\" 2>&1";

    /// <summary>
    /// The command of the node program: the one given, or the one built beside the harness.
    /// </summary>
    public static IReadOnlyList<string> Command(string? given)
    {
        if (given is not null)
        {
            return File.Exists(given)
                ? Runnable(Path.GetFullPath(given))
                : throw new ClusterStartException($"the node program {given} does not exist");
        }

        return In(Path.Combine(AppContext.BaseDirectory, "node"), "testbed-node");
    }

    /// <summary>The command of a program of ours that lies in a folder.</summary>
    public static IReadOnlyList<string> In(string folder, string name)
    {
        var program = Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name);
        var library = Path.Combine(folder, name + ".dll");
        return File.Exists(program) ? [program]
            : File.Exists(library) ? Runnable(library)
            : throw new ClusterStartException($"the program {name} is not in {folder}; build the solution first");
    }

    /// <summary>
    /// Arguments of one node; <paramref name="addresses"/> as this node sees them, its own included.
    /// </summary>
    public static IEnumerable<string> Arguments(
        ClusterOptions options, int node, IReadOnlyList<string> addresses, string dataFolder, string metrics)
    {
        yield return "--id";
        yield return node.ToString(CultureInfo.InvariantCulture);
        yield return "--strategy";
        yield return options.Strategy;
        yield return "--nodes";
        yield return string.Join(',', addresses);
        yield return "--data-elements";
        yield return options.DataElements.ToString(CultureInfo.InvariantCulture);
        if (options is { Strategy: "ecc", Width: not "adaptive" })
        {
            yield return "--width";
            yield return options.Width;
        }

        yield return "--durability";
        yield return options.Durability;
        if (options is { Strategy: "raft", Reads: not "index" })
        {
            yield return "--reads";
            yield return options.Reads;
        }

        if (options is { Strategy: "ecc", RebuildBytesPerSecond: { } rebuildRate })
        {
            yield return "--rebuild-rate";
            yield return rebuildRate.ToString(CultureInfo.InvariantCulture);
        }

        yield return "--data";
        yield return dataFolder;
        yield return "--seed";
        yield return options.Seed.ToString(CultureInfo.InvariantCulture);
        yield return "--metrics";
        yield return metrics;
        if (options.Founders > 0 && options.Founders < addresses.Count)
        {
            yield return "--founders";
            yield return options.Founders.ToString(CultureInfo.InvariantCulture);
        }

        if (options.TieToParent)
        {
            yield return "--exit-with-parent";
        }

        if (options.LyingNodes.Contains(node))
        {
            yield return "--test-lie";
        }

        if (options.Plant is { } plant)
        {
            yield return "--test-plant";
            yield return plant;
        }
    }

    /// <summary>How to start a command with its output in a file.</summary>
    public static ProcessStartInfo StartInfo(IReadOnlyList<string> command, string logFile, bool tied)
    {
        var info = new ProcessStartInfo
        {
            UseShellExecute = false,
            RedirectStandardInput = tied,
            WorkingDirectory = Path.GetDirectoryName(logFile) ?? "/",
        };
        if (OperatingSystem.IsWindows())
        {
            info.FileName = command[0];
            info.CreateNoWindow = true;
            info.RedirectStandardOutput = tied;
            info.RedirectStandardError = tied;
        }
        else
        {
            info.FileName = "/bin/sh";
            Add(info, "-c", tied ? TiedScript : DetachedScript, "testbed-node", logFile, command[0]);
        }

        Add(info, [.. command.Skip(1)]);
        return info;
    }

    private static IReadOnlyList<string> Runnable(string path) =>
        path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? [Dotnet(), path] : [path];

    private static string Dotnet() =>
        Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";

    private static void Add(ProcessStartInfo info, params string[] words)
    {
        foreach (var word in words)
        {
            info.ArgumentList.Add(word);
        }
    }
}
