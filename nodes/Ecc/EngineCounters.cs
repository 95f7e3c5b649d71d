using System.Globalization;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>What the operation machines count, under the names of the status report.</summary>
internal sealed class EngineCounters(int dataElements)
{
    internal long Operations;
    internal long Rounds;
    internal long Retags;
    internal long Hedges;
    internal long WidthSteps;
    internal long DegradedReads;
    internal long Restarts;
    internal long Pins;
    internal long Resends;
    internal long CorruptElements;
    internal long VoidAcks;
    internal long MessagesSent;
    internal long BytesSent;
    internal long MessagesReceived;
    internal long BytesReceived;
    internal long UnknownOutcomes;

    /// <summary>Writes that were ok, by the width they were finalised at; deletes at 0.</summary>
    internal readonly long[] WritesOfWidth = new long[dataElements + 1];

    internal void Report(IStatusSink sink)
    {
        sink.Counter("operations", Operations);
        sink.Counter("rounds", Rounds);
        sink.Counter("retags", Retags);
        sink.Counter("hedges", Hedges);
        sink.Counter("width_steps", WidthSteps);
        sink.Counter("degraded_reads", DegradedReads);
        sink.Counter("restarts", Restarts);
        sink.Counter("pins", Pins);
        sink.Counter("resends", Resends);
        sink.Counter("void_acks", VoidAcks);
        sink.Counter("unknown_outcomes", UnknownOutcomes);
        sink.Counter("operation_tx_messages", MessagesSent);
        sink.Counter("operation_tx_bytes", BytesSent);
        sink.Counter("operation_rx_messages", MessagesReceived);
        sink.Counter("operation_rx_bytes", BytesReceived);
        for (var width = 1; width < WritesOfWidth.Length; width++)
        {
            sink.Counter(
                string.Create(CultureInfo.InvariantCulture, $"puts_of_width_{width}"), WritesOfWidth[width]);
        }
    }
}
