using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Harness.Runs;

/// <summary>Collects what <c>manifest.json</c> says about the options, the source and the machine.</summary>
internal static class RunManifest
{
    private static readonly TimeSpan GitTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The manifest of a run that is about to begin.</summary>
    public static Manifest Build(RunOptions options, string runId, DateTimeOffset started, WorkloadSpec workload,
        string planJson)
    {
        var (commit, dirty) = Source();
        return new Manifest
        {
            RunId = runId,
            StartedUtc = started.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            Argv = options.Argv,
            Options = OptionTexts(options, workload.KeyPrefix),
            Strategy = options.Strategy,
            Nodes = options.Nodes,
            DataElements = options.Strategy == "raft" ? 1 : options.DataElements,
            Tolerance = options.Tolerance,
            Durability = options.Durability,
            Cluster = options.Cluster,
            Workload = workload.Name,
            WorkloadProperties = workload.Properties.ToDictionary(p => p.Key, p => p.Value),
            Seed = options.Seed,
            OfferedRate = options.RatePerSecond,
            NodeBuild = options.NodeBuild ?? NodeBuild.Kind(options.NodeProgram),
            Commit = commit,
            Dirty = dirty,
            Versions = new Dictionary<string, string>
            {
                ["testbed"] = TestbedVersion().Split('+')[0],
                ["dotnet"] = Environment.Version.ToString(),
                ["os"] = RuntimeInformation.OSDescription,
                ["architecture"] = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(),
            },
            Machine = Machine(),
            FaultPlan = planJson,
        };
    }

    private static Dictionary<string, string> OptionTexts(RunOptions o, string keyPrefix) => new()
    {
        ["strategy"] = o.Strategy,
        ["workload"] = o.Workload,
        ["nodes"] = Text(o.Nodes),
        ["data_elements"] = Text(o.DataElements),
        ["width"] = o.Strategy == "ecc" ? o.Width : "",
        ["durability"] = o.Durability,
        ["reads"] = o.Strategy == "raft" ? o.Reads : "",
        ["rebuild_bytes_per_second"] = o.RebuildBytesPerSecond?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["rate"] = o.RatePerSecond is { } rate ? rate.ToString(CultureInfo.InvariantCulture) : "max",
        ["arrival"] = o.Arrival,
        ["fail_fast"] = o.FailFast ? "true" : "false",
        ["clients"] = Text(o.Clients),
        ["duration_ns"] = Text(o.DurationNanos),
        ["warmup_ns"] = Text(o.WarmupNanos),
        ["timeout_ns"] = Text(o.TimeoutNanos),
        ["seed"] = o.Seed.ToString(CultureInfo.InvariantCulture),
        ["seed_given"] = o.SeedGiven ? "true" : "false",
        ["allow_outage"] = o.AllowOutage ? "true" : "false",
        ["max_lag_ns"] = Text(o.MaxLagNanos),
        ["base_port"] = Text(o.BasePort),
        ["node_program"] = o.NodeProgram ?? "",
        ["cluster"] = o.Cluster,
        ["key_prefix"] = keyPrefix,
        ["attach_to"] = string.Join(',', o.AttachTo),
        ["node_cpus"] = o.NodeCpus?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["node_memory_bytes"] = o.NodeMemoryBytes?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["node_disk_bytes"] = o.NodeDiskBytes?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["node_access"] = o.NodeAccess,
        ["node_image"] = o.NodeImage ?? "",
        ["label"] = o.Label ?? "",
        ["lying_nodes"] = string.Join(',', o.LyingNodes),
        ["plant"] = o.Plant ?? "",
        ["max_read_p99_ns"] = o.Thresholds.MaxReadP99Nanos?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["max_write_p99_ns"] = o.Thresholds.MaxWriteP99Nanos?.ToString(CultureInfo.InvariantCulture) ?? "",
        ["min_goodput"] = o.Thresholds.MinGoodput?.ToString(CultureInfo.InvariantCulture) ?? "",
    };

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string TestbedVersion() =>
        typeof(RunManifest).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "unknown";

    /// <summary>
    /// The commit the harness was built from, which the build writes into the version; whether the work tree
    /// has changes is asked of git, where there is one.
    /// </summary>
    private static (string Commit, bool Dirty) Source()
    {
        var parts = TestbedVersion().Split('+');
        var status = Git("status --porcelain");
        return (parts.Length > 1 ? parts[1] : Git("rev-parse HEAD")?.Trim() ?? "unknown", status is { Length: > 0 });
    }

    private static string? Git(string arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments)
            {
                WorkingDirectory = AppContext.BaseDirectory,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            });
            if (git is null)
            {
                return null;
            }

            var output = git.StandardOutput.ReadToEndAsync();
            if (!git.WaitForExit(GitTimeout))
            {
                git.Kill();
                return null;
            }

            return git.ExitCode == 0 ? output.GetAwaiter().GetResult() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static Dictionary<string, string> Machine() => new()
    {
        ["cpu"] = CpuName(),
        ["cores"] = Text(Environment.ProcessorCount),
        ["memory_bytes"] = Text(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
        ["os"] = RuntimeInformation.OSDescription,
    };

    private static string CpuName()
    {
        const string file = "/proc/cpuinfo";
        if (!File.Exists(file))
        {
            return RuntimeInformation.ProcessArchitecture.ToString();
        }

        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
