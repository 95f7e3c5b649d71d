namespace Testbed.Workloads;

/// <summary>
/// Hands out numbers and knows up to which all have been acknowledged, in whatever order acknowledgements
/// arrive. YCSB's "latest" distribution draws below that limit, so that it never asks for a record whose
/// insert is still under way.
/// </summary>
public sealed class AcknowledgedCounter
{
    /// <summary>Most numbers that may be handed out and not yet acknowledged.</summary>
    public const int Window = 1 << 20;

    private readonly ulong[] _acknowledged = new ulong[Window / 64];

    /// <summary>A counter whose first number is <paramref name="start"/>.</summary>
    public AcknowledgedCounter(long start)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        NextNumber = start;
        Limit = start - 1;
    }

    /// <summary>The number <see cref="TryTake"/> gives next.</summary>
    public long NextNumber { get; private set; }

    /// <summary>This number and all below it are acknowledged; the start minus one at first.</summary>
    public long Limit { get; private set; }

    /// <summary>
    /// Hands out the next number; false when <see cref="Window"/> numbers wait for acknowledgement.
    /// </summary>
    public bool TryTake(out long number)
    {
        number = NextNumber;
        if (NextNumber - Limit > Window)
        {
            return false;
        }

        NextNumber++;
        return true;
    }

    /// <summary>Marks a number that was handed out as acknowledged. A second time changes nothing.</summary>
    public void Acknowledge(long number)
    {
        if (number <= Limit || number >= NextNumber)
        {
            return;
        }

        _acknowledged[Slot(number)] |= Bit(number);
        while (Limit + 1 < NextNumber && (_acknowledged[Slot(Limit + 1)] & Bit(Limit + 1)) != 0)
        {
            Limit++;
            _acknowledged[Slot(Limit)] &= ~Bit(Limit);
        }
    }

    private static int Slot(long number) => (int)((number & (Window - 1)) >> 6);

    private static ulong Bit(long number) => 1UL << (int)(number & 63);
}
