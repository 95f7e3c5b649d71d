using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Benchmarks.Support;

/// <summary>Bytes that are the same in every process.</summary>
internal static class BenchmarkData
{
    /// <summary>Bytes of a YCSB key: "user" and a hash in decimal.</summary>
    public const int KeyBytes = 23;

    /// <summary>Bytes that do not compress.</summary>
    public static byte[] Bytes(int length, ulong seed = 1)
    {
        var random = new SplitMix64(seed);
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)random.Next();
        }

        return bytes;
    }

    /// <summary>
    /// Key <paramref name="number"/>, of <see cref="KeyBytes"/>, spread over the key space.
    /// </summary>
    public static void Key(Span<byte> key, long number)
    {
        key.Fill((byte)'k');
        BinaryPrimitives.WriteUInt64BigEndian(key, ((ulong)number + 1) * 0x9E3779B97F4A7C15UL);
    }

    /// <summary>The same in an array of its own.</summary>
    public static byte[] Key(long number)
    {
        var key = new byte[KeyBytes];
        Key(key, number);
        return key;
    }
}
