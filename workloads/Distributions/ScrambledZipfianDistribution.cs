namespace Testbed.Workloads.Distributions;

/// <summary>
/// YCSB's scrambled zipfian: a zipfian rank among 10^10 + 1, hashed, modulo the number of items. Popular
/// numbers lie scattered over min to max, and stay popular when items are added.
/// </summary>
internal sealed class ScrambledZipfianDistribution(long min, long max) : Distribution
{
    /// <summary>YCSB's range of ranks is 0 to this number, both included.</summary>
    public const long LastRank = 10_000_000_000;

    /// <summary>Zeta of 10^10 + 1 items as YCSB has it.</summary>
    public const double ZetaN = 26.46902820178302;

    private readonly ZipfianDistribution _rank = new(0, LastRank, ZetaN);
    private readonly ulong _items = (ulong)(max - min + 1);

    /// <inheritdoc/>
    public override long Next(SeededRandom random) =>
        min + (long)((ulong)Fnv.HashNumber(_rank.Next(random)) % _items);
}
