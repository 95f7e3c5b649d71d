using Testbed.Harness.Clusters;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>
/// Samples every node each 250 ms into <c>nodes.csv</c> and sums what each used during the measured time. A
/// process's counters begin at zero, so a value below the one before belongs to a new process and counts
/// whole.
/// </summary>
internal sealed class NodeSampler(ICluster cluster, RunClock clock, Action<IReadOnlyList<NodeRow>> write)
{
    /// <summary>Time between samples.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly Usage[] _usage = [.. Enumerable.Range(0, cluster.Count).Select(_ => new Usage())];
    private readonly SemaphoreSlim _one = new(1);
    private volatile IReadOnlyList<NodeRow> _last = [];

    /// <summary>The newest sample; empty before the first.</summary>
    public IReadOnlyList<NodeRow> Last => _last;

    /// <summary>While true, what nodes use is summed up.</summary>
    public bool Measuring { get; set; }

    /// <summary>What a node used while <see cref="Measuring"/>.</summary>
    public Usage Of(int node) => _usage[node];

    /// <summary>Takes one sample now, after the one that is under way.</summary>
    public async Task SampleAsync(CancellationToken cancel)
    {
        await _one.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await SampleOneAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// Samples until every node that lives has told what it stores: a busy one may miss a sample, and a figure
    /// that sums all nodes must not.
    /// </summary>
    public async Task<IReadOnlyList<NodeRow>> SampleAllAsync(CancellationToken cancel)
    {
        const int mostSamples = 5;
        for (var i = 0; i < mostSamples; i++)
        {
            await SampleAsync(cancel).ConfigureAwait(false);
            if (Last.All(r => r.StorePayloadBytes is not null || r.State is not ("up" or "unknown")))
            {
                break;
            }
        }

        return Last;
    }

    private async Task SampleOneAsync(CancellationToken cancel)
    {
        var now = clock.NowNanos;
        var rows = (await cluster.SampleAsync(cancel).ConfigureAwait(false)).Select(r => r with { TNs = now }).ToList();
        for (var i = 0; i < rows.Count; i++)
        {
            _usage[i].Add(rows[i], Measuring);
        }

        _last = rows;
        write(rows);
    }

    /// <summary>Samples until cancelled.</summary>
    public async Task RunAsync(Action afterEach, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            do
            {
                await SampleAsync(cancel).ConfigureAwait(false);
                afterEach();
            }
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    /// <summary>Sums of one node.</summary>
    internal sealed class Usage
    {
        private NodeRow? _before;

        /// <summary>CPU time in seconds.</summary>
        public double CpuSeconds { get; private set; }

        /// <summary>Highest resident memory.</summary>
        public long MaxRssBytes { get; private set; }

        /// <summary>Bytes received on sockets.</summary>
        public long RxBytes { get; private set; }

        /// <summary>Bytes sent on sockets.</summary>
        public long TxBytes { get; private set; }

        /// <summary>Bytes written to disk.</summary>
        public long DiskWriteBytes { get; private set; }

        /// <summary>Takes the next sample; one of a node that is down changes nothing.</summary>
        public void Add(NodeRow row, bool measuring)
        {
            if (measuring)
            {
                CpuSeconds += Delta(_before?.CpuSeconds, row.CpuSeconds);
                RxBytes += (long)Delta(_before?.NetworkRxBytes, row.NetworkRxBytes);
                TxBytes += (long)Delta(_before?.NetworkTxBytes, row.NetworkTxBytes);
                DiskWriteBytes += (long)Delta(_before?.DiskWriteBytes, row.DiskWriteBytes);
                MaxRssBytes = Math.Max(MaxRssBytes, row.RssBytes ?? 0);
            }

            if (row.State == "down")
            {
                // The next one is a new process, whose counters begin at zero.
                _before = null;
                return;
            }

            _before = row with
            {
                CpuSeconds = row.CpuSeconds ?? _before?.CpuSeconds,
                NetworkRxBytes = row.NetworkRxBytes ?? _before?.NetworkRxBytes,
                NetworkTxBytes = row.NetworkTxBytes ?? _before?.NetworkTxBytes,
                DiskWriteBytes = row.DiskWriteBytes ?? _before?.DiskWriteBytes,
            };
        }

        private static double Delta(double? before, double? now) =>
            now is not { } value ? 0 : value >= (before ?? 0) ? value - (before ?? 0) : value;
    }
}
