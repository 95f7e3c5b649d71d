using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;

namespace Testbed.Benchmarks.Peers;

/// <summary>From the kill of a leader to the first put that succeeds, by one client's logic for both systems.</summary>
internal static class Failover
{
    // A new attempt at every node that often, whatever became of the ones before: a system that lets a call wait
    // is not made to look slower than one that refuses it, and the resolution is the same.
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Kills the leader, measures, and starts it again.</summary>
    public static async Task<(double Millis, long Terms)> MeasureAsync(
        PeerCluster cluster, ByteString key, ByteString value, TimeSpan settle, CancellationToken cancel)
    {
        var leader = await cluster.WaitForLeaderAsync(cancel).ConfigureAwait(false);
        var calls = Enumerable.Range(0, cluster.Addresses.Count).Select(cluster.Connect).ToArray();
        try
        {
            // Connections to all nodes exist before the kill; a node that does not lead may refuse this.
            await Task.WhenAll(calls.Select(c => TryPutAsync(c, key, value, cancel))).ConfigureAwait(false);
            var term = await cluster.TermAsync(cancel).ConfigureAwait(false);
            var begun = Stopwatch.GetTimestamp();
            var kill = cluster.KillAsync(leader, cancel);
            var millis = await FirstPutAsync(calls, key, value, begun, cancel).ConfigureAwait(false);
            await kill.ConfigureAwait(false);
            var terms = await cluster.TermAsync(cancel).ConfigureAwait(false) - term;
            await cluster.StartAsync(leader, cancel).ConfigureAwait(false);
            await cluster.WaitForLeaderAsync(cancel).ConfigureAwait(false);
            await Task.Delay(settle, cancel).ConfigureAwait(false);
            return (millis, terms);
        }
        finally
        {
            foreach (var call in calls)
            {
                call.Dispose();
            }
        }
    }

    private static async Task<double> FirstPutAsync(
        KvCalls[] calls, ByteString key, ByteString value, long begun, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var first = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        var attempts = new List<Task>();
        while (!first.Task.IsCompleted)
        {
            if (Stopwatch.GetElapsedTime(begun) > Patience)
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(attempts).ConfigureAwait(false);
                throw new TimeoutException(string.Create(CultureInfo.InvariantCulture,
                    $"no put succeeded within {Patience.TotalSeconds} s of the leader's kill"));
            }

            attempts.AddRange(calls.Select(AttemptAsync));
            attempts.RemoveAll(attempt => attempt.IsCompletedSuccessfully);
            await Task.WhenAny(first.Task, Task.Delay(Spacing, cancel)).ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(attempts).ConfigureAwait(false);
        return await first.Task.ConfigureAwait(false);

        async Task AttemptAsync(KvCalls call)
        {
            if (await TryPutAsync(call, key, value, stop.Token).ConfigureAwait(false))
            {
                first.TrySetResult(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }
        }
    }

    private static async Task<bool> TryPutAsync(
        KvCalls call, ByteString key, ByteString value, CancellationToken cancel)
    {
        try
        {
            await call.PutAsync(key, value, AttemptLimit, cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            return false;
        }
    }
}
