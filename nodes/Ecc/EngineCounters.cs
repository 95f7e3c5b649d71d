using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>What the operation machines count, under the names of the status report.</summary>
internal sealed class EngineCounters
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
    internal long UnknownOutcomes;

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
    }
}
