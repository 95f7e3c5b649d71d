using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>Types of the records in an ECC node's log.</summary>
internal static class ReplicaRecords
{
    /// <summary>The node started; counted, so that each life has its own client id.</summary>
    internal const byte Life = 1;

    /// <summary>Key, element: held, not finalised.</summary>
    internal const byte PreWrite = 2;

    /// <summary>Key, from, to: a held version got another tag.</summary>
    internal const byte Rename = 3;

    /// <summary>Key, version: fin.</summary>
    internal const byte Finalize = 4;

    /// <summary>Key, element: that of fin, restored.</summary>
    internal const byte Fill = 5;

    /// <summary>Key, version: its tag was taken back by the writer.</summary>
    internal const byte Retract = 6;

    /// <summary>Where the node stands: lives, incarnation, slots, crash vector. Absolute.</summary>
    internal const byte Identity = 7;

    /// <summary>Node, incarnation, nonce: another node's incarnation.</summary>
    internal const byte Known = 8;

    /// <summary>Slot: from here on the node votes there.</summary>
    internal const byte SlotReady = 9;

    /// <summary>
    /// Key, element: fin as it was when the log was written anew; without a blob the element is missing.
    /// </summary>
    internal const byte Fin = 10;

    /// <summary>The operator gave everything up.</summary>
    internal const byte Reset = 11;

    /// <summary>Client, clock: that writer is fenced up to there.</summary>
    internal const byte Fence = 12;

    internal const int MaxHeadBytes = 2 + Limits.KeyBytes + 16 + 16;

    /// <summary>Head of a record about one key and one or two versions.</summary>
    internal static int WriteKey(Span<byte> destination, ReadOnlySpan<byte> key, EccVersion first,
        EccVersion second)
    {
        var writer = new WireWriter(destination);
        writer.Short(key);
        writer.U128(first.Value);
        if (!second.IsNone)
        {
            writer.U128(second.Value);
        }

        return writer.Position;
    }

    /// <summary>Head of a record with an element; the blob is the body.</summary>
    internal static int WriteElement(Span<byte> destination, ReadOnlySpan<byte> key, in EccElement element)
    {
        var writer = new WireWriter(destination);
        writer.Short(key);
        writer.U128(element.Version.Value);
        writer.U32((uint)element.ValueBytes);
        writer.U64(element.Checksum);
        return writer.Position;
    }

    internal static bool TryReadElement(ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> key,
        out EccElement element)
    {
        var reader = new WireReader(payload);
        key = reader.Short(Limits.KeyBytes);
        var version = new EccVersion(reader.U128());
        var valueBytes = (int)reader.U32();
        var checksum = reader.U64();
        element = new EccElement(version, valueBytes, checksum, reader.Raw(reader.Remaining));
        return reader.Complete;
    }

    internal static bool TryReadKey(ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> key,
        out EccVersion first,
        out EccVersion second)
    {
        var reader = new WireReader(payload);
        key = reader.Short(Limits.KeyBytes);
        first = new EccVersion(reader.U128());
        second = reader.Remaining > 0 ? new EccVersion(reader.U128()) : EccVersion.None;
        return reader.Complete;
    }
}
