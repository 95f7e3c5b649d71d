using System.Diagnostics;
using System.Globalization;

namespace Testbed.Harness.Clusters;

/// <summary>Waits until a node that was just started answers its health check.</summary>
internal static class NodeReadiness
{
    // A node that cannot start ends, and is reported at once; this bound is for one that hangs, on the
    // slowest machine.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPoll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan SlowPoll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Returns once the node serves; throws <see cref="ClusterStartException"/> when it ended or hangs.
    /// </summary>
    /// <param name="probe">How to ask.</param>
    /// <param name="address">Whom to ask.</param>
    /// <param name="name">Its name in messages.</param>
    /// <param name="ended">How it ended, in words; null while it lives.</param>
    /// <param name="lastLogLine">The last thing it wrote.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task WaitAsync(
        INodeProbe probe, string address, string name, Func<string?> ended, Func<Task<string>> lastLogLine,
        CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (!await ServesAsync(probe, address, cancel).ConfigureAwait(false))
        {
            if (ended() is { } how)
            {
                throw new ClusterStartException(
                    $"{name} did not start: {how}; its log ends with: {await lastLogLine().ConfigureAwait(false)}");
            }

            if (Stopwatch.GetElapsedTime(begun) > Limit)
            {
                throw new ClusterStartException(string.Create(
                    CultureInfo.InvariantCulture, $"{name} runs but was not ready within {Limit.TotalSeconds} s; ")
                    + $"its log ends with: {await lastLogLine().ConfigureAwait(false)}");
            }

            // On a busy machine asking all the time would slow the very start that is waited for.
            var poll = Stopwatch.GetElapsedTime(begun).TotalSeconds < 1 ? FirstPoll : SlowPoll;
            await Task.Delay(poll, cancel).ConfigureAwait(false);
        }
    }

    private static async Task<bool> ServesAsync(INodeProbe probe, string address, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ProbeLimit);
        try
        {
            return await probe.IsServingAsync(address, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }
}
