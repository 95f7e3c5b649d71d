using System.IO.Hashing;

namespace Testbed.Erasure;

/// <summary>The checksum of elements and values.</summary>
public static class Checksum
{
    /// <summary>XXH3, 64 bits.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);
}
