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

    /// <summary>Sets a key if it holds the expected value, or is absent where that is expected.</summary>
    CompareAndSet = 4,

    /// <summary>Opens a session (thesis, 6.3); its value is the client's eight bytes.</summary>
    OpenSession = 5,
}

/// <summary>What an entry says, before it has a place in the log.</summary>
public readonly ref struct RaftCommand
{
    /// <summary>What it does.</summary>
    public required RaftEntryKind Kind { get; init; }

    /// <summary>The session of a write; none: it is applied whenever it is committed.</summary>
    public SessionStamp Stamp { get; init; }

    /// <summary>The key of a write; empty otherwise.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The value to set, the bytes of a configuration or of a session; empty otherwise.</summary>
    public ReadOnlySpan<byte> Value { get; init; }

    /// <summary>True for a compare-and-set of a key that must be there.</summary>
    public bool ExpectsValue { get; init; }

    /// <summary>The value it must hold; empty otherwise.</summary>
    public ReadOnlySpan<byte> Expected { get; init; }
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

    /// <summary>What it says.</summary>
    public required RaftCommand Command { get; init; }

    /// <summary>What it does.</summary>
    public RaftEntryKind Kind => Command.Kind;

    /// <summary>The key of a write; empty otherwise.</summary>
    public ReadOnlySpan<byte> Key => Command.Key;

    /// <summary>The value to set, the bytes of a configuration or of a session; empty otherwise.</summary>
    public ReadOnlySpan<byte> Value => Command.Value;
}

/// <summary>
/// Form of an entry: length of the whole (4 bytes), index (8), term (8), kind (1); if the kind's highest bit is
/// set, a stamp (session 8, sequence 8, how far the first unanswered one lies behind 2); for writes the key behind a
/// two-byte length; for a compare-and-set 1 and the expected value behind a four-byte length, or 0 alone; the value
/// up to the end. An entry is encoded once, by the leader that creates it.
/// </summary>
public static class RaftEntryCodec
{
    /// <summary>Largest index or term anyone accepts, far from overflow.</summary>
    public const ulong Largest = 1UL << 62;

    /// <summary>Most bytes of a configuration.</summary>
    public const int ConfigurationBytes = 64 * 1024;

    private const int HeadBytes = 21;

    /// <summary>Bytes the entry will take.</summary>
    public static int Bytes(in RaftCommand command) =>
        HeadBytes + (command.Stamp.IsNone ? 0 : SessionStamp.Bytes)
        + (HasKey(command.Kind) ? 2 + command.Key.Length : 0)
        + (command.Kind != RaftEntryKind.CompareAndSet ? 0 : command.ExpectsValue ? 5 + command.Expected.Length : 1)
        + command.Value.Length;

    /// <summary>Bytes an entry without a stamp will take.</summary>
    public static int Bytes(RaftEntryKind kind, int keyBytes, int valueBytes) =>
        HeadBytes + (HasKey(kind) ? 2 + keyBytes : 0) + valueBytes;

    /// <summary>Writes an entry into exactly as many bytes as <see cref="Bytes(in RaftCommand)"/> says.</summary>
    public static void Write(Span<byte> destination, ulong index, ulong term, in RaftCommand command)
    {
        var writer = new WireWriter(destination);
        writer.U32((uint)destination.Length);
        writer.U64(index);
        writer.U64(term);
        writer.U8((byte)((byte)command.Kind | (command.Stamp.IsNone ? 0 : SessionStamp.Flag)));
        if (!command.Stamp.IsNone)
        {
            command.Stamp.Write(ref writer);
        }

        if (HasKey(command.Kind))
        {
            writer.Short(command.Key);
        }

        if (command.Kind == RaftEntryKind.CompareAndSet)
        {
            writer.U8(command.ExpectsValue ? (byte)1 : (byte)0);
            if (command.ExpectsValue)
            {
                writer.Long(command.Expected);
            }
        }

        writer.Raw(command.Value);
    }

    /// <summary>Writes an entry without a stamp.</summary>
    public static void Write(Span<byte> destination, ulong index, ulong term, RaftEntryKind kind,
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        Write(destination, index, term, new RaftCommand { Kind = kind, Key = key, Value = value });

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
        if (bytes < HeadBytes || bytes > (uint)source.Length
            || index is 0 or > Largest || term is 0 or > Largest
            || !TryRead(source[20], source[HeadBytes..(int)bytes], out var command))
        {
            return false;
        }

        entry = new RaftEntryView { Bytes = (int)bytes, Index = index, Term = term, Command = command };
        return true;
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

    private static bool TryRead(byte kindAndFlag, ReadOnlySpan<byte> body, out RaftCommand command)
    {
        var kind = (RaftEntryKind)(kindAndFlag & ~SessionStamp.Flag);
        command = new RaftCommand { Kind = kind };
        SessionStamp stamp = default;
        if ((kindAndFlag & SessionStamp.Flag) != 0)
        {
            if (body.Length < SessionStamp.Bytes || !HasKey(kind))
            {
                return false;
            }

            stamp = SessionStamp.Of(
                BinaryPrimitives.ReadUInt64LittleEndian(body), BinaryPrimitives.ReadUInt64LittleEndian(body[8..]),
                BinaryPrimitives.ReadUInt16LittleEndian(body[16..]));
            body = body[SessionStamp.Bytes..];
            if (!stamp.IsSane)
            {
                return false;
            }
        }

        var key = default(ReadOnlySpan<byte>);
        if (HasKey(kind))
        {
            var keyBytes = body.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(body);
            if (keyBytes is 0 or > Limits.KeyBytes || keyBytes > body.Length - 2)
            {
                return false;
            }

            key = body.Slice(2, keyBytes);
            body = body[(2 + keyBytes)..];
        }

        var expected = default(ReadOnlySpan<byte>);
        var expectsValue = false;
        if (kind == RaftEntryKind.CompareAndSet && !TryTakeExpected(body, out expectsValue, out expected, out body))
        {
            return false;
        }

        command = new RaftCommand
        {
            Kind = kind, Stamp = stamp, Key = key, Value = body, ExpectsValue = expectsValue, Expected = expected,
        };
        return kind <= RaftEntryKind.OpenSession && body.Length <= MostValueBytes(kind) - expected.Length
            && (kind != RaftEntryKind.OpenSession || body.Length == KvRequest.NonceBytes);
    }

    private static bool TryTakeExpected(
        ReadOnlySpan<byte> body, out bool expectsValue, out ReadOnlySpan<byte> expected, out ReadOnlySpan<byte> value)
    {
        expectsValue = false;
        expected = default;
        value = default;
        if (body.IsEmpty || body[0] > 1)
        {
            return false;
        }

        expectsValue = body[0] == 1;
        value = body[1..];
        if (!expectsValue)
        {
            return true;
        }

        var bytes = value.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(value);
        if (bytes > Limits.ValueBytes || bytes > value.Length - 4)
        {
            return false;
        }

        expected = value.Slice(4, (int)bytes);
        value = value[(4 + (int)bytes)..];
        return true;
    }

    private static bool HasKey(RaftEntryKind kind) =>
        kind is RaftEntryKind.Put or RaftEntryKind.Delete or RaftEntryKind.CompareAndSet;

    private static int MostValueBytes(RaftEntryKind kind) => kind switch
    {
        RaftEntryKind.Put or RaftEntryKind.CompareAndSet => Limits.ValueBytes,
        RaftEntryKind.Configuration => ConfigurationBytes,
        RaftEntryKind.OpenSession => KvRequest.NonceBytes,
        _ => 0,
    };
}
