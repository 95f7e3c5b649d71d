namespace Testbed.Workloads;

/// <summary>
/// The generator everything here is drawn from (SplitMix64: Steele, Lea, Flood, OOPSLA 2014). Same seed, same
/// numbers, on any machine.
/// </summary>
public sealed class SeededRandom(ulong seed)
{
    private const ulong Step = 0x9E3779B97F4A7C15UL;
    private const double UnitPerBit = 1.0 / (1UL << 53);
    private ulong _state = seed;

    /// <summary>
    /// A generator of its own for one purpose, so that draws for one do not shift those for another.
    /// </summary>
    public static SeededRandom For(ulong seed, ulong purpose) => new(Mix(seed + Mix(purpose * Step)));

    /// <summary>The next 64 bits.</summary>
    public ulong NextBits() => Mix(_state += Step);

    /// <summary>A number in [0, 1), a multiple of 2^-53.</summary>
    public double NextUnit() => (NextBits() >> 11) * UnitPerBit;

    /// <summary>A number from 0 to <paramref name="bound"/> - 1, by multiply-shift.</summary>
    public long Below(long bound) => (long)Math.BigMul(NextBits(), (ulong)bound, out _);

    /// <summary>
    /// The finaliser: a bijection of 64-bit words in which every input bit reaches every output bit.
    /// </summary>
    internal static ulong Mix(ulong word)
    {
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9UL;
        word = (word ^ (word >> 27)) * 0x94D049BB133111EBUL;
        return word ^ (word >> 31);
    }
}
