using Testbed.Workloads.Distributions;

namespace Testbed.Workloads;

/// <summary>Draws the length of a record: of the whole, or field by field as YCSB does.</summary>
internal sealed class RecordLength
{
    private readonly Distribution _length;
    private readonly int _draws;
    private readonly int _constant;

    public RecordLength(WorkloadSpec spec)
    {
        _length = Draw(spec.Length);
        _draws = spec.LengthIsOfRecord ? 1 : spec.FieldCount;
        _constant = spec.Length.Distribution == LengthDistribution.Constant ? spec.MaxValueBytes : 0;
    }

    /// <summary>The next record's length, never less than a record's header.</summary>
    public int Next(SeededRandom random)
    {
        if (_constant > 0)
        {
            return _constant;
        }

        long sum = 0;
        for (var i = 0; i < _draws; i++)
        {
            sum += _length.Next(random);
        }

        return (int)Math.Max(sum, RecordValue.HeaderBytes);
    }

    /// <summary>The distribution a spec describes.</summary>
    public static Distribution Draw(LengthSpec spec) => spec.Distribution switch
    {
        LengthDistribution.Constant => new ConstantDistribution(spec.Max),
        LengthDistribution.Uniform => new UniformDistribution(spec.Min, spec.Max),
        LengthDistribution.Zipfian => new ZipfianDistribution(spec.Min, spec.Max),
        LengthDistribution.Histogram => new HistogramDistribution(spec.BlockSize, [.. spec.Weights!]),
        _ => throw new ArgumentOutOfRangeException(nameof(spec)),
    };
}
