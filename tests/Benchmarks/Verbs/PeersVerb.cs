using System.Globalization;
using Testbed.Benchmarks.Peers;

namespace Testbed.Benchmarks.Verbs;

/// <summary>
/// <c>peers</c>: our Raft cluster against etcd in one run, both with every write synced to the same disk, through
/// the same client code.
/// </summary>
internal static class PeersVerb
{
    /// <summary>Returns what was measured; prints and writes it also when it did not come to its end.</summary>
    public static async Task<PeersData> RunAsync(
        TextWriter output, TextWriter progress, PeersOptions options, CancellationToken cancel)
    {
        var etcd = EtcdCluster.Find(options.Etcd) ?? throw new InvalidOperationException(
            "etcd is not installed: apt-get install etcd-server, or give its path with --etcd");
        output.WriteLine(await EtcdCluster.VersionAsync(etcd, cancel).ConfigureAwait(false)
            + "; as it comes, but for a larger storage quota");
        output.WriteLine(options.NodeProgram is null
            ? "Testbed: the nodes built beside the harness (JIT), level fsync"
            : "Testbed: the node program given, level fsync");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Data below {options.DataFolder}; {options.Rounds} rounds, values of {options.ValueBytes} B, "
            + $"{options.Records:N0} keys; closed loop, unary calls to the leader, {CallerLoop.CallersPerConnection} "
            + $"callers to a connection; stream put: our client's streams, against etcd's unary puts"));
        var run = new PeersRun(options, etcd, progress);
        try
        {
            await run.RunAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            PeersOutput.Print(output, run.Data, options.Nodes);
            if (run.Data.Cells.Count > 0)
            {
                output.WriteLine();
                foreach (var path in PeersOutput.Write(options.Output, run.Data, options.Nodes))
                {
                    output.WriteLine("wrote " + path);
                }
            }
        }

        return run.Data;
    }
}
