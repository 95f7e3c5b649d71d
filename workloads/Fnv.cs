namespace Testbed.Workloads;

/// <summary>
/// FNV-1a, 64 bits (Fowler, Noll, Vo). YCSB hashes record numbers with it: key names and scrambled zipfian
/// depend on every bit.
/// </summary>
public static class Fnv
{
    private const ulong OffsetBasis = 0xCBF29CE484222325UL;
    private const ulong Prime = 1099511628211UL;

    /// <summary>
    /// Hash of the eight octets of <paramref name="value"/>, least significant first, as a signed number made
    /// positive.
    /// </summary>
    public static long HashNumber(long value)
    {
        var bits = (ulong)value;
        var hash = OffsetBasis;
        for (var octet = 0; octet < 8; octet++)
        {
            hash = (hash ^ (byte)bits) * Prime;
            bits >>= 8;
        }

        var signed = (long)hash;

        // long.MinValue has no positive twin and stays as it is, as it does in Java.
        return signed < 0 ? unchecked(-signed) : signed;
    }

    /// <summary>Starts a hash over bytes.</summary>
    public static ulong Begin() => OffsetBasis;

    /// <summary>Continues a hash over bytes.</summary>
    public static ulong Append(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var octet in bytes)
        {
            hash = (hash ^ octet) * Prime;
        }

        return hash;
    }
}
