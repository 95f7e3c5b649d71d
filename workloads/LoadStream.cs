namespace Testbed.Workloads;

/// <summary>
/// The inserts of the load phase: records insertstart to insertstart + insertcount - 1, in order.
/// </summary>
public sealed class LoadStream
{
    private readonly RecordLength _length;
    private readonly SeededRandom _lengths;
    private readonly long _first;

    /// <summary>The load stream of a spec and seed.</summary>
    public LoadStream(WorkloadSpec spec, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _length = new RecordLength(spec);
        _lengths = SeededRandom.For(seed, 5);
        _first = spec.InsertStart;
        Count = spec.InsertCount;
    }

    /// <summary>Number of inserts in all.</summary>
    public long Count { get; }

    /// <summary>Number of inserts drawn.</summary>
    public long Drawn { get; private set; }

    /// <summary>The next insert; false when all were drawn.</summary>
    public bool TryNext(out Operation operation)
    {
        if (Drawn == Count)
        {
            operation = default;
            return false;
        }

        operation = new Operation(
            Drawn, WorkloadOperationType.Insert, _first + Drawn, 0, _length.Next(_lengths), -1);
        Drawn++;
        return true;
    }
}
