using Testbed.Workloads.Distributions;

namespace Testbed.Workloads;

/// <summary>
/// The operations of a run. One spec and seed give one stream on any machine, whoever executes it and with
/// however many clients. Draws allocate nothing. Not thread-safe: one owner draws.
/// <para> YCSB keeps "latest", "exponential" and the redraw of numbers that do not exist yet below the
/// highest insert that the database has acknowledged, which depends on the run. Here an insert counts as
/// acknowledged once <see cref="AcknowledgementLag"/> further operations have been drawn: a fixed rule, so
/// the stream stays a function of the seed, and long enough that the insert has ended in all but an outage. A
/// read that comes too early all the same finds nothing, which is an answer like any other.
/// </para>
/// </summary>
public sealed class OperationStream
{
    /// <summary>Operations drawn after an insert before its record may be asked for.</summary>
    public const int AcknowledgementLag = 256;

    /// <summary>Redraws of a record that does not exist yet; then one is taken uniformly.</summary>
    private const int MaxRedraws = 1000;

    private readonly WorkloadSpec _spec;
    private readonly SeededRandom _mix;
    private readonly SeededRandom _keys;
    private readonly SeededRandom _lengths;
    private readonly SeededRandom _scans;
    private readonly double[] _cumulative = new double[6];
    private readonly Distribution _key;
    private readonly Distribution _scanLength;
    private readonly RecordLength _recordLength;
    private readonly bool _distanceFromNewest;
    private readonly AcknowledgedCounter _records;
    private readonly Queue<(long DueAt, long Key)> _unacknowledged = new(AcknowledgementLag + 1);
    private long _sequence;

    /// <summary>The stream of a spec and seed.</summary>
    public OperationStream(WorkloadSpec spec, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _spec = spec;
        _mix = SeededRandom.For(seed, 1);
        _keys = SeededRandom.For(seed, 2);
        _lengths = SeededRandom.For(seed, 3);
        _scans = SeededRandom.For(seed, 4);
        _records = new AcknowledgedCounter(spec.RecordCount);
        _key = KeyDistribution(spec, _records);
        _distanceFromNewest = spec.RequestDistribution == RequestDistribution.Exponential;
        _scanLength = RecordLength.Draw(spec.ScanLength);
        _recordLength = new RecordLength(spec);
        FillCumulative();
    }

    /// <summary>Number the next insert gets; all inserts so far have smaller ones.</summary>
    public long NextInsertKey => _records.NextNumber;

    /// <summary>The next operation.</summary>
    public Operation Next()
    {
        while (_unacknowledged.TryPeek(out var oldest) && oldest.DueAt <= _sequence)
        {
            _records.Acknowledge(_unacknowledged.Dequeue().Key);
        }

        var type = DrawType();
        var key = type == WorkloadOperationType.Insert ? TakeInsertKey() : DrawKey();
        var scanLength = type == WorkloadOperationType.Scan ? (int)_scanLength.Next(_scans) : 0;
        var writes = type is WorkloadOperationType.Update or WorkloadOperationType.Insert
            or WorkloadOperationType.ReadModifyWrite;
        var valueBytes = writes ? _recordLength.Next(_lengths) : 0;
        var field = !_spec.WriteAllFields && writes && type != WorkloadOperationType.Insert
            ? (int)_lengths.Below(_spec.FieldCount)
            : -1;
        return new Operation(_sequence++, type, key, scanLength, valueBytes, field);
    }

    private void FillCumulative()
    {
        ReadOnlySpan<double> weights =
        [
            _spec.ReadProportion, _spec.UpdateProportion, _spec.InsertProportion, _spec.ScanProportion,
            _spec.ReadModifyWriteProportion, _spec.DeleteProportion,
        ];
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++)
        {
            sum += weights[i];
            _cumulative[i] = sum;
        }
    }

    private WorkloadOperationType DrawType()
    {
        var draw = _mix.NextUnit() * _cumulative[^1];
        var type = 0;
        while (draw >= _cumulative[type])
        {
            type++;
        }

        return (WorkloadOperationType)type;
    }

    private long TakeInsertKey()
    {
        // Never refused: at most AcknowledgementLag inserts wait, far fewer than the counter's window.
        _records.TryTake(out var key);
        _unacknowledged.Enqueue((_sequence + AcknowledgementLag, key));
        return key;
    }

    private long DrawKey()
    {
        var newest = _records.Limit;
        for (var i = 0; i < MaxRedraws; i++)
        {
            var draw = _key.Next(_keys);
            var key = _distanceFromNewest ? newest - draw : draw;
            if (key >= 0 && key <= newest)
            {
                return key;
            }
        }

        return _keys.Below(newest + 1);
    }

    private static Distribution KeyDistribution(WorkloadSpec spec, AcknowledgedCounter records)
    {
        var first = spec.InsertStart;
        var last = spec.InsertStart + spec.InsertCount - 1;
        return spec.RequestDistribution switch
        {
            RequestDistribution.Uniform => new UniformDistribution(first, last),
            RequestDistribution.Sequential => new SequentialDistribution(first, last),
            RequestDistribution.Latest => new SkewedLatestDistribution(records),
            RequestDistribution.Hotspot => new HotspotDistribution(
                first, last, spec.HotspotDataFraction, spec.HotspotOperationFraction),
            RequestDistribution.Exponential => new ExponentialDistribution(
                spec.ExponentialPercentile, spec.RecordCount * spec.ExponentialFraction),
            RequestDistribution.ZipfExact => new ExactZipfDistribution(first, last),

            // The upper bound is included, one more than there are records: YCSB's own rule; the extra one is
            // redrawn.
            RequestDistribution.Zipfian => new ScrambledZipfianDistribution(
                first, last + 1 + spec.ExpectedInserts),
            _ => throw new ArgumentOutOfRangeException(nameof(spec)),
        };
    }
}
