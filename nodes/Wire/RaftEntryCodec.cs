using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>What a Raft entry does when it is applied.</summary>
public enum RaftEntryKind : byte
{
    /// <summary>
    /// Nothing: a new leader's first entry, which lets it commit what earlier terms left (section 8).
    /// </summary>
    Nothing = 0,

    /// <summary>Sets a key.</summary>
    Put = 1,

    /// <summary>Removes a key.</summary>
    Delete = 2,

    /// <summary>Changes the members of the cluster; its value is opaque here.</summary>
    Configuration = 3,
}

/// <summary>
/// One entry as it lies in the log, on the disk and in append messages: the same bytes everywhere.
/// </summary>
public readonly ref struct RaftEntryView
{
    /// <summary>Bytes of the whole entry.</summary>
    public required int Bytes { get; init; }

    /// <summary>Position in the log, from 1.</summary>
    public required ulong Index { get; init; }

    /// <summary>Term of the leader that created it.</summary>
    public required ulong Term { get; init; }

    /// <summary>What it does.</summary>
    public required RaftEntryKind Kind { get; init; }

    /// <summary>The key of a put or delete; empty otherwise.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The value of a put, the bytes of a configuration; empty otherwise.</summary>
    public ReadOnlySpan<byte> Value { get; init; }
}

/// <summary>
/// Form of an entry: length of the whole (4 bytes), index (8), term (8), kind (1); then, for puts and deletes,
/// the key behind a two-byte length and the value up to the end; for a configuration its bytes up to the end.
/// An entry is encoded once, by the leader that creates it.
/// </summary>
public static class RaftEntryCodec
{
    /// <summary>Largest index or term anyone accepts, far from overflow.</summary>
    public const ulong Largest = 1UL << 62;

    /// <summary>Most bytes of a configuration.</summary>
    public const int ConfigurationBytes = 64 * 1024;

    private const int HeadBytes = 21;

    /// <summary>Bytes the entry will take.</summary>
    public static int Bytes(RaftEntryKind kind, int keyBytes, int valueBytes) =>
        HeadBytes + (HasKey(kind) ? 2 + keyBytes : 0) + valueBytes;

    /// <summary>Writes an entry into exactly as many bytes as <see cref="Bytes"/> says.</summary>
    public static void Write(Span<byte> destination, ulong index, ulong term, RaftEntryKind kind,
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var writer = new WireWriter(destination);
        writer.U32((uint)destination.Length);
        writer.U64(index);
        writer.U64(term);
        writer.U8((byte)kind);
        if (HasKey(kind))
        {
            writer.Short(key);
        }

        writer.Raw(value);
    }

    /// <summary>
    /// Reads the entry at the start of the bytes; false when it is malformed or breaks a limit.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RaftEntryView entry)
    {
        entry = default;
        if (source.Length < HeadBytes)
        {
            return false;
        }

        var bytes = BinaryPrimitives.ReadUInt32LittleEndian(source);
        var index = BinaryPrimitives.ReadUInt64LittleEndian(source[4..]);
        var term = BinaryPrimitives.ReadUInt64LittleEndian(source[12..]);
        var kind = (RaftEntryKind)source[20];
        if (bytes < HeadBytes || bytes > (uint)source.Length
            || index is 0 or > Largest || term is 0 or > Largest)
        {
            return false;
        }

        var body = source[HeadBytes..(int)bytes];
        var key = default(ReadOnlySpan<byte>);
        if (HasKey(kind))
        {
            var keyBytes = 0;
            if (body.Length < 2
                || (keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(body)) is 0 or > Limits.KeyBytes
                || keyBytes > body.Length - 2)
            {
                return false;
            }

            key = body.Slice(2, keyBytes);
            body = body[(2 + keyBytes)..];
        }

        entry = new RaftEntryView
        {
            Bytes = (int)bytes, Index = index, Term = term, Kind = kind, Key = key, Value = body,
        };
        return kind <= RaftEntryKind.Configuration && body.Length <= MostValueBytes(kind);
    }

    /// <summary>
    /// True when the bytes are whole entries that follow the given position one by one, with terms that
    /// never fall and never exceed the sender's.
    /// </summary>
    public static bool IsRun(
        ReadOnlySpan<byte> entries, ulong previousIndex, ulong previousTerm, ulong senderTerm)
    {
        while (!entries.IsEmpty)
        {
            if (!TryRead(entries, out var entry) || entry.Index != previousIndex + 1 || entry.Term < previousTerm
                || entry.Term > senderTerm)
            {
                return false;
            }

            previousIndex = entry.Index;
            previousTerm = entry.Term;
            entries = entries[entry.Bytes..];
        }

        return true;
    }

    private static bool HasKey(RaftEntryKind kind) => kind is RaftEntryKind.Put or RaftEntryKind.Delete;

    private static int MostValueBytes(RaftEntryKind kind) => kind switch
    {
        RaftEntryKind.Put => Limits.ValueBytes,
        RaftEntryKind.Configuration => ConfigurationBytes,
        _ => 0,
    };
}
