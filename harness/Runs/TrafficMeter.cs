using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>
/// Counts what clients and nodes send while a phase does nothing but one kind of operation. The nodes' answers to
/// samples are in it, some 10 kB per node and second.
/// </summary>
internal sealed class TrafficMeter(NodeSampler sampler, IKvClient client, List<TrafficFigures> into)
{
    private long _clientBytes;
    private long? _nodeBytes;

    /// <summary>The phase begins.</summary>
    public async Task BeginAsync(CancellationToken cancel)
    {
        _nodeBytes = await NodeBytesAsync(cancel).ConfigureAwait(false);
        _clientBytes = ClientBytes();
    }

    /// <summary>
    /// The phase has ended. Keeps nothing when a node did not tell, or began anew and counts from zero.
    /// </summary>
    public async Task EndAsync(string phase, string operation, LoadReport report, CancellationToken cancel)
    {
        var clientBytes = ClientBytes() - _clientBytes;
        var nodeBytes = await NodeBytesAsync(cancel).ConfigureAwait(false) - _nodeBytes;
        if (nodeBytes >= 0 && report.Attempted > 0)
        {
            into.Add(new TrafficFigures(phase, operation, report.Attempted, clientBytes, nodeBytes.Value));
        }
    }

    private long ClientBytes() => client.Counters().GetValueOrDefault("network_tx_bytes");

    private async Task<long?> NodeBytesAsync(CancellationToken cancel)
    {
        var rows = await sampler.SampleAllAsync(cancel).ConfigureAwait(false);
        return rows.All(r => r.NetworkTxBytes is not null) ? rows.Sum(r => r.NetworkTxBytes) : null;
    }
}
