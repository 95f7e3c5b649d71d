using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Knows which keys have changes that are not durable yet. A node must not show a fin it could forget in a
/// crash: replies about such keys wait for the log, all others leave at once. Keys share 4,096 counters; a
/// collision only costs waiting.
/// </summary>
internal sealed class DurabilityGate
{
    private const int Counters = 4096;
    private readonly int[] _unsettled = new int[Counters];
    private readonly Queue<(long Sequence, int Counter)> _queue = new();

    /// <summary>True when nothing at all is on its way to the log.</summary>
    internal bool AllSettled => _queue.Count == 0;

    internal LogSequence Durable { get; private set; }

    internal void Appended(ulong hash, LogSequence sequence)
    {
        if (sequence.Value <= Durable.Value)
        {
            return;
        }

        var counter = (int)(hash & (Counters - 1));
        _unsettled[counter]++;
        _queue.Enqueue((sequence.Value, counter));
    }

    internal void Done(LogSequence upTo)
    {
        Durable = upTo.Value > Durable.Value ? upTo : Durable;
        while (_queue.TryPeek(out var first) && first.Sequence <= Durable.Value)
        {
            _unsettled[_queue.Dequeue().Counter]--;
        }
    }

    internal bool IsSettled(ulong hash) => _unsettled[hash & (Counters - 1)] == 0;
}
