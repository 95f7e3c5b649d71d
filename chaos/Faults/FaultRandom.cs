namespace Testbed.Faults;

/// <summary>
/// The plan's own seeded generator (SplitMix64: Steele, Lea, Flood 2014), so that a plan does not depend on
/// what else a seed is used for.
/// </summary>
public sealed class FaultRandom(ulong seed)
{
    // Keeps the stream apart from other rooms that start from the same seed.
    private ulong _state = seed ^ 0x6661756C74730000UL;

    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound)
    {
        var z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        z ^= z >> 31;
        return (int)Math.BigMul(z, (ulong)bound, out _);
    }
}
