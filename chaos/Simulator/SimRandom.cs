namespace Testbed.Simulator;

/// <summary>
/// What a stream of random numbers is for. Every concern draws from streams of its own, so that leaving out a
/// fault or a client shifts nothing else.
/// </summary>
internal enum Concern : ulong
{
    /// <summary>Sizes, timings, and which faults a seed enables.</summary>
    Shape = 1,

    /// <summary>The faults of the plan.</summary>
    Faults = 2,

    /// <summary>What one fault leaves open until it acts.</summary>
    Fault = 3,

    /// <summary>Delays of one directed link.</summary>
    Link = 4,

    /// <summary>Attempts and breaks of one stream.</summary>
    Stream = 5,

    /// <summary>Operations of one logical client.</summary>
    Operations = 6,

    /// <summary>Scheduling of one process.</summary>
    Process = 7,

    /// <summary>Times of one disk, and what it keeps at a power loss.</summary>
    Disk = 8,

    /// <summary>Seeds of the cores.</summary>
    Core = 9,

    /// <summary>What belongs to nodes that restart empty.</summary>
    Memory = 10,
}

/// <summary>The room's generator (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).</summary>
internal sealed class SimRandom(ulong seed)
{
    private const ulong Step = 0x9E3779B97F4A7C15UL;
    private ulong _state = seed;

    /// <summary>A stream for one concern of one thing.</summary>
    public static SimRandom For(ulong seed, Concern concern, int index) =>
        new(Seed(seed, concern, index));

    /// <summary>The seed of a stream for one concern of one thing.</summary>
    public static ulong Seed(ulong seed, Concern concern, int index) =>
        Mix(seed + Mix(((ulong)concern * Step) + Mix((ulong)index + Step)));

    /// <summary>The next 64 bits.</summary>
    public ulong Next() => Mix(_state += Step);

    /// <summary>A number from 0 to <paramref name="bound"/> - 1; 0 for bounds below 1.</summary>
    public long Below(long bound) => bound <= 1 ? 0 : (long)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>A number from one to another, both included.</summary>
    public long Between(long least, long most) => least + Below(most - least + 1);

    /// <summary>True once in so many draws.</summary>
    public bool OneIn(long draws) => Below(draws) == 0;

    /// <summary>One of some choices.</summary>
    public T Of<T>(params ReadOnlySpan<T> choices) => choices[(int)Below(choices.Length)];

    /// <summary>The finaliser: a bijection of 64-bit words.</summary>
    public static ulong Mix(ulong word)
    {
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9UL;
        word = (word ^ (word >> 27)) * 0x94D049BB133111EBUL;
        return word ^ (word >> 31);
    }
}
