namespace Testbed.Results;

/// <summary>
/// <c>manifest.json</c>: everything needed to run it again and to judge whether two runs may be compared.
/// </summary>
public sealed record Manifest
{
    /// <summary>Name and version of this form.</summary>
    public string Schema { get; init; } = "testbed.manifest/1";

    /// <summary>Run id, also the folder's name.</summary>
    public required string RunId { get; init; }

    /// <summary>Start, ISO 8601 UTC.</summary>
    public required string StartedUtc { get; init; }

    /// <summary>Arguments as typed.</summary>
    public required IReadOnlyList<string> Argv { get; init; }

    /// <summary>Every resolved option by name.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary>Nodes n.</summary>
    public required int Nodes { get; init; }

    /// <summary>Data elements k (ECC); 1 for Raft.</summary>
    public required int DataElements { get; init; }

    /// <summary>Node failures reads and writes survive.</summary>
    public required int Tolerance { get; init; }

    /// <summary>Durability level: memory, os, fsync.</summary>
    public required string Durability { get; init; }

    /// <summary>Kind of cluster: process, docker.</summary>
    public required string Cluster { get; init; }

    /// <summary>
    /// What is known of the cluster once it runs: engine, image, image_bytes, access, ...; empty for processes.
    /// </summary>
    public IReadOnlyDictionary<string, string> ClusterFacts { get; init; } = new Dictionary<string, string>();

    /// <summary>Workload name.</summary>
    public required string Workload { get; init; }

    /// <summary>Resolved workload properties.</summary>
    public required IReadOnlyDictionary<string, string> WorkloadProperties { get; init; }

    /// <summary>Seed of everything drawn.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Offered rate in operations per second; null for closed loop.</summary>
    public required double? OfferedRate { get; init; }

    /// <summary>The node build: jit, readytorun, aot.</summary>
    public required string NodeBuild { get; init; }

    /// <summary>Source commit, or "unknown".</summary>
    public required string Commit { get; init; }

    /// <summary>True when the work tree had changes.</summary>
    public required bool Dirty { get; init; }

    /// <summary>Versions: testbed, dotnet, os, ...</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>Machine: cpu, cores, memory_bytes, ...</summary>
    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    /// <summary>The fault plan as JSON text, exactly as saved before the run.</summary>
    public string? FaultPlan { get; init; }
}
