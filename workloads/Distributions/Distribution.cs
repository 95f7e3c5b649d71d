namespace Testbed.Workloads.Distributions;

/// <summary>Draws whole numbers from a fixed law.</summary>
internal abstract class Distribution
{
    /// <summary>The next number.</summary>
    public abstract long Next(SeededRandom random);
}

/// <summary>Always the same number.</summary>
internal sealed class ConstantDistribution(long value) : Distribution
{
    /// <inheritdoc/>
    public override long Next(SeededRandom random) => value;
}

/// <summary>Each number from min to max, both included, equally often.</summary>
internal sealed class UniformDistribution(long min, long max) : Distribution
{
    /// <inheritdoc/>
    public override long Next(SeededRandom random) => min + random.Below(max - min + 1);
}

/// <summary>min, min + 1, ... max, and again from min.</summary>
internal sealed class SequentialDistribution(long min, long max) : Distribution
{
    private long _drawn;

    /// <inheritdoc/>
    public override long Next(SeededRandom random) => min + (_drawn++ % (max - min + 1));
}
