using System.Collections.Concurrent;
using System.Globalization;
using Testbed.Harness.Clusters;

namespace Testbed.Tests.Unit.Clusters;

/// <summary>
/// Shell scripts in the place of node programs, and a probe that looks for the file such a "node" leaves.
/// </summary>
internal sealed class ScriptedNodes : INodeProbe, IDisposable
{
    /// <summary>
    /// Behaves: leaves a file that says it serves, then waits. Its data folder is the argument after --data.
    /// </summary>
    public const string Well = """
        while [ "$1" != --data ]; do shift; done
        echo serving > "$2/serving"
        exec sleep 60
        """;

    public ScriptedNodes(string script)
    {
        Folder = Directory.CreateTempSubdirectory("testbed-unit-").FullName;
        Program = Path.Combine(Folder, "node.sh");
        File.WriteAllText(Program, "#!/bin/sh\n" + script + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public string Folder { get; }

    public string Program { get; }

    public ConcurrentDictionary<string, IReadOnlyDictionary<string, string>> Statuses { get; } = new();

    public ClusterOptions Options(int nodes) => new()
    {
        Strategy = "raft",
        Nodes = nodes,
        LogFolder = Path.Combine(Folder, "logs"),
        DataFolder = Path.Combine(Folder, "data"),
        NodeProgram = Program,
        Seed = 7,
    };

    public string DataOf(int node) => Path.Combine(Folder, "data", string.Create(CultureInfo.InvariantCulture, $"n{node}"));

    /// <summary>Serving once a node has left its file; good enough where nodes do not differ.</summary>
    public Task<bool> IsServingAsync(string address, CancellationToken cancel) =>
        Task.FromResult(Directory.EnumerateFiles(Path.Combine(Folder, "data"), "serving", SearchOption.AllDirectories).Any());

    public Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel) =>
        Task.FromResult(Statuses.GetValueOrDefault(address));

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
