using System.Globalization;
using Google.Protobuf;
using Testbed.Benchmarks.Support;

namespace Testbed.Benchmarks.Peers;

/// <summary>
/// Rounds of both systems in turn, each on a fresh cluster that is alone on the machine: an idle cluster's ticks
/// and heartbeats would be charged to the other.
/// </summary>
internal sealed class PeersRun(PeersOptions options, string etcd, TextWriter progress)
{
    // A cell in which more operations fail is measured again, as after an election under load.
    private const double MostFailedShare = 0.01;
    private const int MostTries = 3;
    private const int LoadCallers = 64;
    private const int HeatCallers = 64;
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(5);

    private readonly ByteString[] _keys =
        [.. Enumerable.Range(0, options.Records).Select(i => ByteString.CopyFrom(BenchmarkData.Key(i)))];

    private readonly ByteString _value = ByteString.CopyFrom(BenchmarkData.Bytes(options.ValueBytes));

    public PeersData Data { get; } = new();

    public async Task RunAsync(CancellationToken cancel)
    {
        foreach (var nodes in options.Nodes)
        {
            for (var round = 1; round <= options.Rounds; round++)
            {
                // Who comes first alternates, so that a drift of the machine favours neither.
                foreach (var system in round % 2 == 1 ? options.Systems : options.Systems.Reverse())
                {
                    await RunClusterAsync(system, nodes, round, cancel).ConfigureAwait(false);
                }
            }
        }
    }

    private async Task RunClusterAsync(string system, int nodes, int round, CancellationToken cancel)
    {
        Directory.CreateDirectory(options.DataFolder);
        var folder = Path.Combine(options.DataFolder, "testbed-peers-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        try
        {
            PeerCluster cluster = system == PeerSystems.Etcd
                ? await EtcdCluster.StartAsync(etcd, nodes, folder, cancel).ConfigureAwait(false)
                : await TestbedCluster.StartAsync(nodes, folder, options.NodeProgram, (ulong)round, cancel)
                    .ConfigureAwait(false);
            await using var owned = cluster.ConfigureAwait(false);
            await LoadAsync(cluster, cancel).ConfigureAwait(false);
            await HeatAsync(cluster, cancel).ConfigureAwait(false);
            foreach (var operation in Operations(cluster))
            {
                foreach (var clients in options.Clients)
                {
                    var cell = await CellAsync(cluster, operation, clients, cancel).ConfigureAwait(false);
                    Add(cell with { Nodes = nodes, Round = round, System = system });
                }
            }

            await KillsAsync(cluster, system, nodes, round, cancel).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string[] Operations(PeerCluster cluster) => cluster is TestbedCluster
        ? [PeerOperations.Put, PeerOperations.Get, PeerOperations.StreamPut]
        : [PeerOperations.Put, PeerOperations.Get];

    private async Task LoadAsync(PeerCluster cluster, CancellationToken cancel)
    {
        var leader = await cluster.WaitForLeaderAsync(cancel).ConfigureAwait(false);
        using var calls = cluster.Connect(leader);
        var last = 0;
        var loads = Enumerable.Range(0, LoadCallers).Select(async _ =>
        {
            while (Interlocked.Increment(ref last) is var next && next <= _keys.Length)
            {
                await calls.PutAsync(_keys[next - 1], _value, CallLimit, cancel).ConfigureAwait(false);
            }
        });
        try
        {
            await Task.WhenAll(loads).ConfigureAwait(false);
        }
        catch (Grpc.Core.RpcException e)
        {
            cancel.ThrowIfCancellationRequested();
            throw new InvalidOperationException("loading a record failed: " + e.Status.Detail, e);
        }
    }

    /// <summary>
    /// Fresh servers compile, map and grow what they keep afterwards; without this the first cell would pay.
    /// </summary>
    private async Task HeatAsync(PeerCluster cluster, CancellationToken cancel)
    {
        var leader = await cluster.WaitForLeaderAsync(cancel).ConfigureAwait(false);
        using var calls = cluster.Connect(leader);
        foreach (var call in new Func<KvCalls, int, long, Task>[] { PutAsync, GetAsync })
        {
            await CallerLoop.RunAsync([calls], HeatCallers, options.Heat, call, cancel).ConfigureAwait(false);
        }

        Task PutAsync(KvCalls to, int caller, long count) => Put(to, caller, count, cancel);
        Task GetAsync(KvCalls to, int caller, long count) => Get(to, caller, count, cancel);
    }

    private async Task<PeerCell> CellAsync(
        PeerCluster cluster, string operation, int clients, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (cell, failure) = operation == PeerOperations.StreamPut
                ? await StreamCellAsync((TestbedCluster)cluster, clients, cancel).ConfigureAwait(false)
                : await UnaryCellAsync(cluster, operation, clients, cancel).ConfigureAwait(false);
            if (cell.Operations > 0 && cell.Failed <= cell.Operations * MostFailedShare)
            {
                return cell;
            }

            var what = string.Create(CultureInfo.InvariantCulture,
                $"{operation}, {PeersOutput.Clients(clients)}: {cell.Failed} failed, {cell.Operations} did not; {failure}");
            if (attempt == MostTries)
            {
                throw new InvalidOperationException(what);
            }

            progress.WriteLine(what + "; measured again");
        }
    }

    private async Task<(PeerCell Cell, string Failure)> UnaryCellAsync(
        PeerCluster cluster, string operation, int clients, CancellationToken cancel)
    {
        var leader = await cluster.WaitForLeaderAsync(cancel).ConfigureAwait(false);
        var connections = Enumerable.Range(0, CallerLoop.Connections(clients))
            .Select(_ => cluster.Connect(leader)).ToArray();
        try
        {
            Func<KvCalls, int, long, Task> call = operation == PeerOperations.Put ? PutAsync : GetAsync;
            await CallerLoop.RunAsync(connections, clients, options.Warmup, call, cancel).ConfigureAwait(false);
            var before = await cluster.UseAsync(cancel).ConfigureAwait(false);
            var result = await CallerLoop.RunAsync(connections, clients, options.Measured, call, cancel)
                .ConfigureAwait(false);
            var after = await cluster.UseAsync(cancel).ConfigureAwait(false);
            double all = Math.Max(1, result.Operations + result.Failed);
            return (new PeerCell(0, 0, "", operation, clients, result.PerSecond, result.P50Micros, result.P99Micros,
                (after.CpuSeconds - before.CpuSeconds) * 1e6 / all, result.ClientCpuSeconds * 1e6 / all,
                (after.DiskWriteBytes - before.DiskWriteBytes) / all, result.Operations, result.Failed),
                result.FirstFailure);
        }
        finally
        {
            foreach (var connection in connections)
            {
                connection.Dispose();
            }
        }

        Task PutAsync(KvCalls calls, int caller, long count) => Put(calls, caller, count, cancel);
        Task GetAsync(KvCalls calls, int caller, long count) => Get(calls, caller, count, cancel);
    }

    private Task Put(KvCalls calls, int caller, long count, CancellationToken cancel) =>
        calls.PutAsync(Key(caller, count), _value, CallLimit, cancel);

    private async Task Get(KvCalls calls, int caller, long count, CancellationToken cancel)
    {
        var bytes = await calls.GetAsync(Key(caller, count), CallLimit, cancel).ConfigureAwait(false);
        if (bytes != _value.Length)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"a get returned {bytes} bytes where {_value.Length} were put"));
        }
    }

    private async Task<(PeerCell Cell, string Failure)> StreamCellAsync(
        TestbedCluster cluster, int clients, CancellationToken cancel)
    {
        var keys = ClosedLoopKeys.Make(options.Records, _value.Memory);
        var client = cluster.ConnectStream();
        await using var owned = client.ConfigureAwait(false);
        await ClosedLoop.RunAsync(client, clients, TimeSpan.Zero, options.Warmup, keys.PreparePut)
            .WaitAsync(cancel).ConfigureAwait(false);
        var before = await cluster.UseAsync(cancel).ConfigureAwait(false);
        var result = await ClosedLoop.RunAsync(client, clients, TimeSpan.Zero, options.Measured, keys.PreparePut)
            .WaitAsync(cancel).ConfigureAwait(false);
        var after = await cluster.UseAsync(cancel).ConfigureAwait(false);
        double all = Math.Max(1, result.Operations);
        return (new PeerCell(0, 0, "", PeerOperations.StreamPut, clients, result.PerSecond, result.P50Micros,
            result.P99Micros, (after.CpuSeconds - before.CpuSeconds) * 1e6 / all, result.CpuMicrosPerOperation,
            (after.DiskWriteBytes - before.DiskWriteBytes) / all, result.Operations - result.Failed, result.Failed),
            "over the stream");
    }

    private async Task KillsAsync(
        PeerCluster cluster, string system, int nodes, int round, CancellationToken cancel)
    {
        // Fewer than three nodes have no majority left. The first rounds take one more where kills do not divide.
        var (each, rest) = Math.DivRem(options.Kills, options.Rounds);
        var kills = nodes < 3 ? 0 : each + (round <= rest ? 1 : 0);
        for (var kill = 0; kill < kills; kill++)
        {
            var (millis, terms) = await Failover.MeasureAsync(cluster, _keys[0], _value, options.Settle, cancel)
                .ConfigureAwait(false);
            Data.Kills.Add(new PeerKill(nodes, round, system, millis, terms));
            progress.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{nodes} nodes, round {round}, {system}: first put {millis:F0} ms after the leader's kill, terms {terms}"));
        }
    }

    private void Add(PeerCell cell)
    {
        Data.Cells.Add(cell);
        progress.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{cell.Nodes} nodes, round {cell.Round}, {cell.System}: {cell.Operation}, {PeersOutput.Clients(cell.Clients)}: "
            + $"{cell.PerSecond:N0}/s, p50 {cell.P50Micros:N0} us, p99 {cell.P99Micros:N0} us"));
    }

    // As ClosedLoopKeys: strides that are prime to the number of keys keep the callers apart for long.
    private ByteString Key(int caller, long count) => _keys[((caller * 7919L) + (count * 31)) % _keys.Length];
}
