namespace Testbed.Store;

/// <summary>What the store keeps beside key and payload. The store never interprets it.</summary>
/// <param name="Version">Raft: the log index; ECC: the version's total order.</param>
/// <param name="Checksum">XXH3 of the payload.</param>
/// <param name="ValueBytes">Bytes of the whole value; for ECC the payload is one element of it.</param>
/// <param name="Flags">The strategy's own (width, tombstone).</param>
public readonly record struct RecordHeader(UInt128 Version, ulong Checksum, int ValueBytes, byte Flags);

/// <summary>Exact bytes held, by the store's own books (not the garbage collector's).</summary>
/// <param name="Keys">Number of keys.</param>
/// <param name="PayloadBytes">Bytes of payloads.</param>
/// <param name="KeyBytes">Bytes of keys.</param>
/// <param name="MetadataBytes">Headers, index slots, slab rounding and free slab space.</param>
public readonly record struct StoreBytes(long Keys, long PayloadBytes, long KeyBytes, long MetadataBytes)
{
    /// <summary>Everything.</summary>
    public long TotalBytes => PayloadBytes + KeyBytes + MetadataBytes;
}
