using System.Text.Json;
using System.Text.Json.Serialization;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// The state file of a cluster that outlives the harness: enough to find, ask, restart and end exactly its
/// processes.
/// </summary>
internal sealed record ClusterState
{
    /// <summary>Name and version of the form.</summary>
    public const string CurrentSchema = "testbed.cluster/1";

    /// <summary>Name and version of this form.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>When it was started, ISO 8601 UTC.</summary>
    public required string StartedUtc { get; init; }

    /// <summary>raft or ecc.</summary>
    public required string Strategy { get; init; }

    /// <summary>Data elements k.</summary>
    public required int DataElements { get; init; }

    /// <summary>How ECC's puts code a value.</summary>
    public string Width { get; init; } = "adaptive";

    /// <summary>Durability level.</summary>
    public required string Durability { get; init; }

    /// <summary>How Raft's leaders answer reads.</summary>
    public string Reads { get; init; } = "index";

    /// <summary>Most bytes per second an ECC node reads to rebuild what it lost; null: the node's own default.</summary>
    public long? RebuildBytesPerSecond { get; init; }

    /// <summary>Seed of the nodes.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The node program; null for the one beside the harness.</summary>
    public string? NodeProgram { get; init; }

    /// <summary>Folder of the nodes' logs.</summary>
    public required string LogFolder { get; init; }

    /// <summary>Folder of the nodes' data.</summary>
    public required string DataFolder { get; init; }

    /// <summary>The first so many nodes founded the cluster; 0: all.</summary>
    public int Founders { get; init; }

    /// <summary>The nodes in order.</summary>
    public required IReadOnlyList<MemberState> Members { get; init; }

    /// <summary>Where the state lies unless said otherwise.</summary>
    public static string DefaultPath()
    {
        var root = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        root = !string.IsNullOrEmpty(root) ? root
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state");
        return Path.Combine(root, "testbed", "cluster.json");
    }

    /// <summary>
    /// Reads a state file; null when there is none. Throws <see cref="ClusterStartException"/> when it is not
    /// one.
    /// </summary>
    public static ClusterState? Load(string path)
    {
        try
        {
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(path), ClusterStateJson.Default.ClusterState);
            return state is { Schema: CurrentSchema }
                ? state
                : throw new ClusterStartException($"{path} is not the state of a cluster");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException)
        {
            throw new ClusterStartException($"{path} is not the state of a cluster; remove it if no cluster is up");
        }
    }

    /// <summary>Writes it, whole or not at all.</summary>
    public void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".");
        var partial = path + ".partial";
        File.WriteAllBytes(partial, JsonSerializer.SerializeToUtf8Bytes(this, ClusterStateJson.Default.ClusterState));
        File.Move(partial, path, overwrite: true);
    }
}

/// <summary>One node of a state file; pid 0 when it is down on purpose.</summary>
/// <param name="Address">host:port of its gRPC.</param>
/// <param name="Metrics">host:port of its metrics; null: none.</param>
/// <param name="Pid">Its process.</param>
/// <param name="Start">When that process began, as the system tells it.</param>
/// <param name="Joins">It does not found the cluster but joins it: added later, or its data were removed.</param>
internal sealed record MemberState(string Address, string? Metrics, int Pid, string? Start, bool Joins = false);

/// <summary>How the state file is written.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ClusterState))]
internal sealed partial class ClusterStateJson : JsonSerializerContext;
