namespace Testbed.Wire;

/// <summary>
/// The seeded generator that cores use: Steele, Lea, Flood, "Fast splittable pseudorandom number generators"
/// (OOPSLA 2014). Same seed, same numbers, on any machine.
/// </summary>
public sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>
    /// A number from 0 to <paramref name="bound"/> - 1, by multiply-shift (bias below 2^-32 for small
    /// bounds).
    /// </summary>
    public long Below(long bound) => (long)Math.BigMul(Next(), (ulong)bound, out _);
}
