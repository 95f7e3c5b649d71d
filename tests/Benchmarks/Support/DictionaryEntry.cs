using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using Testbed.Store;

namespace Testbed.Benchmarks.Support;

/// <summary>What the dictionary that the store is compared with keeps for a key.</summary>
internal sealed record DictionaryEntry(RecordHeader Header, byte[] Payload);

/// <summary>Byte array keys by content, with the store's hash.</summary>
internal sealed class KeyComparer : IEqualityComparer<byte[]>
{
    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] byte[] key) => (int)XxHash3.HashToUInt64(key);
}
