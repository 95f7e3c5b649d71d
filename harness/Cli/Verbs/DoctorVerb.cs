using System.Globalization;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Docker;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>doctor</c>: can this machine carry out a run, and what to do if not.</summary>
internal static class DoctorVerb
{
    private const long EnoughFiles = 1_024;
    private const long EnoughMemory = 2L << 30;

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var results = Values.Text("--results", "DIR", "Folder that holds the runs. [default: as for run]");
        return new Verb(
            "doctor", "Checks whether this machine can carry out runs, and says what to do if not.", "harness doctor")
            .With(results).Does(async (parse, cancel) =>
            {
                var root = ResultsRoot.Resolve(parse.GetValue(results), context.Folder);
                Finding[] findings =
                [
                    new(Level.Ok, $".NET {Environment.Version}, {System.Runtime.InteropServices.RuntimeInformation.OSDescription}"),
                    Cores(),
                    Memory(),
                    OpenFiles(),
                    BindPorts(),
                    Writable(root),
                    Pause(),
                    await NodeStartsAsync(cancel).ConfigureAwait(false),
                    await DockerAsync(cancel).ConfigureAwait(false),
                ];
                foreach (var finding in findings)
                {
                    context.Out.WriteLine($"{finding.Level.ToString().ToUpperInvariant(),-4}  {finding.Text}");
                }

                return findings.Any(f => f.Level == Level.Fail) ? ExitCodes.Missed : ExitCodes.Ok;
            });
    }

    private static Finding Cores() => Environment.ProcessorCount >= 2
        ? new(Level.Ok, Invariant($"{Environment.ProcessorCount} cores"))
        : new(Level.Warn, "1 core: load generator and nodes disturb each other; read latencies with care");

    private static Finding Memory()
    {
        var bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var text = Invariant($"{bytes / (double)(1L << 30):F1} GiB memory");
        return bytes >= EnoughMemory ? new(Level.Ok, text) : new(Level.Warn, text + ": use fewer --records or a smaller --value-size");
    }

    private static Finding OpenFiles()
    {
        const string limits = "/proc/self/limits";
        if (!File.Exists(limits))
        {
            return new(Level.Info, "open-file limit not known on this system");
        }

        var line = File.ReadLines(limits).FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) ?? "";
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 3 && long.TryParse(words[3], CultureInfo.InvariantCulture, out var soft) && soft < EnoughFiles
            ? new(Level.Warn, Invariant($"only {soft} open files allowed: raise it with ulimit -n 4096"))
            : new(Level.Ok, $"open files: {(words.Length > 3 ? words[3] : "unlimited")}");
    }

    private static Finding BindPorts()
    {
        try
        {
            var ports = Ports.Choose(5);
            return ports.All(Ports.IsFree)
                ? new(Level.Ok, "loopback ports can be bound")
                : new(Level.Warn, "a loopback port was taken while looking; runs try three times");
        }
        catch (System.Net.Sockets.SocketException e)
        {
            return new(Level.Fail, $"no loopback port can be bound: {e.Message}");
        }
    }

    private static Finding Writable(string root)
    {
        try
        {
            ResultsRoot.RequireWritable(root);
            return new(Level.Ok, $"results folder {root}");
        }
        catch (UsageException e)
        {
            return new(Level.Fail, e.Message + "; choose another with --results DIR");
        }
    }

    private static Finding Pause() => OperatingSystem.IsWindows()
        ? new(Level.Warn, "nodes cannot be paused on Windows: leave out --pause; kill and stop work")
        : new(Level.Ok, "nodes can be paused (SIGSTOP)");

    private static async Task<Finding> NodeStartsAsync(CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("testbed-doctor-").FullName;
        try
        {
            var options = new ClusterOptions
            {
                Strategy = "raft",
                Nodes = 1,
                DataElements = 1,
                LogFolder = Path.Combine(folder, "logs"),
                DataFolder = Path.Combine(folder, "data"),
                Seed = 1,
            };
            var begun = System.Diagnostics.Stopwatch.GetTimestamp();
            await using var cluster = await ProcessCluster.StartAsync(options, cancel).ConfigureAwait(false);
            var took = System.Diagnostics.Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            return new(Level.Ok, Invariant($"the node program starts and answers after {took:F0} ms"));
        }
        catch (ClusterStartException e)
        {
            return new(Level.Fail, $"the node program does not start: {e.Message}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Finding> DockerAsync(CancellationToken cancel)
    {
        try
        {
            using var engine = await Engine.ConnectAsync(cancel).ConfigureAwait(false);
            var orphans = await Removal.OrphansAsync(engine, cancel).ConfigureAwait(false);
            return orphans.Count == 0
                ? new(Level.Ok, $"{engine.Name}: clusters of containers are possible (--cluster docker)")
                : new(Level.Warn, Invariant($"{engine.Name} holds {orphans.Count} clusters of dead runs: harness cluster prune"));
        }
        catch (EngineException e)
        {
            return new(Level.Info, e.Message);
        }
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private enum Level
    {
        Ok,
        Info,
        Warn,
        Fail,
    }

    private sealed record Finding(Level Level, string Text);
}
