using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// The keys of one node. Per key: fin and its element in the store; pre-writes above fin, and old versions
/// for pinned readers, in a table beside it. Every change is one log record, so replaying the log gives the
/// same state.
/// </summary>
internal sealed class Replica
{
    private const byte MissingFlag = 0x80;
    private readonly EccCode _code;
    private readonly KvStore _store;
    private readonly EccOptions _options;
    private readonly byte[] _head = new byte[ReplicaRecords.MaxHeadBytes];

    internal Replica(EccCode code, KvStore store, EccOptions options)
    {
        _code = code;
        _store = store;
        _options = options;
    }

    /// <summary>Null while the log is replayed.</summary>
    internal IReplicaLog? Log { get; set; }

    internal HeldTable Held { get; } = new();

    internal PinTable Pins { get; } = new();

    internal DurabilityGate Gate { get; } = new();

    internal KvStore Store => _store;

    internal long NowMicros { get; set; }

    /// <summary>Keys whose fin is a value.</summary>
    internal long PresentKeys { get; private set; }

    /// <summary>Keys whose fin is a value of which this node lacks its element.</summary>
    internal long MissingElements { get; private set; }

    /// <summary>Keys whose value is stored narrower than k without being tiny.</summary>
    internal long NarrowKeys { get; private set; }

    internal long CorruptElements { get; private set; }

    /// <summary>Called with each key that becomes known without its element.</summary>
    internal Action<ReadOnlyMemory<byte>>? OnMissing { get; set; }

    internal static bool IsMissing(in RecordHeader header) => (header.Flags & MissingFlag) != 0;

    internal static EccVersion VersionOf(in RecordHeader header) => new(header.Version);

    internal bool IsNarrow(in RecordHeader header) =>
        !IsMissing(header) && VersionOf(header).Width is var width && width > 0 && width < _code.DataElements
        && header.ValueBytes > _options.TinyValueBytes;

    internal EccVersion FinOf(ReadOnlySpan<byte> key) =>
        _store.TryGet(key, out var header, out _) ? VersionOf(header) : EccVersion.None;

    /// <summary>True when this node holds its element of that version, or the version has none.</summary>
    internal bool HasElement(ReadOnlySpan<byte> key, ulong hash, EccVersion version) =>
        Held.Find(key, hash, version) >= 0
        || (_store.TryGet(key, out var header, out _) && VersionOf(header) == version && !IsMissing(header));

    /// <summary>Forgets everything: the operator gave it up.</summary>
    internal void Clear()
    {
        _store.Clear();
        Held.Clear();
        PresentKeys = MissingElements = NarrowKeys = 0;
    }

    /// <summary>"on PreWrite": superseded, renamed, or stored beside what is there.</summary>
    internal EccStoreStatus PreWrite(ReadOnlySpan<byte> key, ulong hash, EccVersion from,
        in EccElement element)
    {
        var version = element.Version;
        var known = _store.TryGet(key, out var header, out _);
        if (known && version <= VersionOf(header))
        {
            // A finalise that overtook the pre-write left a gap: close it, sparing a fill.
            var fills = version == VersionOf(header) && IsMissing(header) && from.IsNone
                && Fill(key, hash, element);
            return fills ? EccStoreStatus.Stored : EccStoreStatus.Superseded;
        }

        if (known && IsAbandoned(version, VersionOf(header)))
        {
            return EccStoreStatus.Superseded;
        }

        if (Held.Find(key, hash, version) >= 0)
        {
            return EccStoreStatus.Stored;
        }

        if (!from.IsNone)
        {
            return Rename(key, hash, from, version) ? EccStoreStatus.Stored : EccStoreStatus.NeedData;
        }

        if (version.Width > 0 && Checksum.Of(element.Blob.Span) != element.Checksum)
        {
            CorruptElements++;
            return EccStoreStatus.NeedData;
        }

        if (Held.TotalBytes + key.Length + element.Blob.Length > _options.PendingBytesLimit)
        {
            return EccStoreStatus.Refused;
        }

        Plant(key, hash, version);
        Held.Add(key, hash, element, element.Blob.Span, NowMicros, 0);
        Append(ReplicaRecords.PreWrite, hash, ReplicaRecords.WriteElement(_head, key, element),
            element.Blob.Span);
        return EccStoreStatus.Stored;
    }

    /// <summary>Mutants that lose what a pre-write must leave alone.</summary>
    private void Plant(ReadOnlySpan<byte> key, ulong hash, EccVersion version)
    {
        if ((_options.Mutants & EccMutants.WidthStepReplaces) != 0)
        {
            DropTag(key, hash, version.Tag);
        }

        if ((_options.Mutants & EccMutants.PreWriteDropsOld) != 0
            && _store.TryGet(key, out var header, out _) && VersionOf(header).Width > 0
                && !IsMissing(header))
        {
            MarkMissing(key);
        }
    }

    private bool Rename(ReadOnlySpan<byte> key, ulong hash, EccVersion from, EccVersion to)
    {
        var index = Held.Find(key, hash, from);
        if (index < 0 || Held.IsPinnedAt(index) || from.Width != to.Width)
        {
            return false;
        }

        // The writer has left the old tag for good: what other generations of it are held is worthless.
        Held.Rename(index, to, NowMicros);
        DropTag(key, hash, from.Tag);
        Append(ReplicaRecords.Rename, hash, ReplicaRecords.WriteKey(_head, key, from, to), default);
        return true;
    }

    /// <summary>
    /// "on Finalize": raises fin and drops lower versions, save those a pinned reader still needs.
    /// </summary>
    internal bool Finalize(ReadOnlySpan<byte> key, ulong hash, EccVersion version)
    {
        var known = _store.TryGet(key, out var old, out var oldBlob);
        if (known && version <= VersionOf(old))
        {
            return false;
        }

        if (known)
        {
            Invariant.Holds(version > VersionOf(old), "E2 fin never decreases");
            KeepForPinned(key, hash, old, oldBlob);
            Account(old, -1);
        }

        var index = Held.Find(key, hash, version);
        var header = index >= 0
            ? new RecordHeader(version.Value, Held.ChecksumAt(index), Held.ValueBytesAt(index),
                (byte)version.Width)
            : new RecordHeader(
                version.Value, 0, 0, (byte)(version.Width == 0 ? 0 : version.Width | MissingFlag));
        _store.Put(key, header, index >= 0 ? Held.BlobAt(index) : default);
        Account(header, 1);
        if (version.Width == 0 && (_options.Mutants & EccMutants.DeleteResurrects) != 0)
        {
            _store.Delete(key);
        }

        DropFinalised(key, hash, version);
        Append(ReplicaRecords.Finalize, hash, ReplicaRecords.WriteKey(_head, key, version, EccVersion.None),
            default);
        if (IsMissing(header))
        {
            OnMissing?.Invoke(key.ToArray());
        }

        return true;
    }

    /// <summary>
    /// A writer finalises one generation of its tag only. Once one is finalised, its others are worthless,
    /// higher ones too; a repairer's are not.
    /// </summary>
    private static bool IsAbandoned(EccVersion version, EccVersion fin) =>
        version.Tag == fin.Tag && version > fin && version.Rid == 0;

    private void KeepForPinned(ReadOnlySpan<byte> key, ulong hash, in RecordHeader old,
        ReadOnlySpan<byte> blob)
    {
        var version = VersionOf(old);
        var until = Pins.KeepUntil(hash, version, NowMicros);
        if (until != 0 && version.Width > 0 && !IsMissing(old)
            && Held.TotalBytes + key.Length + blob.Length <= _options.PendingBytesLimit)
        {
            Held.Add(key, hash, new EccElement(version, old.ValueBytes, old.Checksum, default), blob, NowMicros, until);
        }
    }

    /// <summary>E3: what is held is above fin, or kept for a pinned reader.</summary>
    private void DropFinalised(ReadOnlySpan<byte> key, ulong hash, EccVersion fin)
    {
        for (var i = Held.First(key, hash); i >= 0;)
        {
            var next = Held.Next(i, key, hash);
            var version = Held.VersionAt(i);
            if (version == fin || IsAbandoned(version, fin))
            {
                Held.Remove(i);
            }
            else if (version < fin && !Held.IsPinnedAt(i))
            {
                var until = Pins.KeepUntil(hash, version, NowMicros);
                if (until != 0)
                {
                    Held.KeepUntil(i, until);
                }
                else
                {
                    Held.Remove(i);
                }
            }

            i = next;
        }
    }

    private void DropTag(ReadOnlySpan<byte> key, ulong hash, UInt128 tag)
    {
        for (var i = Held.First(key, hash); i >= 0;)
        {
            var next = Held.Next(i, key, hash);
            if (!Held.IsPinnedAt(i) && Held.VersionAt(i).Tag == tag)
            {
                Held.Remove(i);
            }

            i = next;
        }
    }

    /// <summary>
    /// Stores the element of fin that was missing; false when fin moved on or the element is damaged.
    /// </summary>
    internal bool Fill(ReadOnlySpan<byte> key, ulong hash, in EccElement element)
    {
        if (!_store.TryGet(key, out var header, out _) || VersionOf(header) != element.Version
            || !IsMissing(header))
        {
            return false;
        }

        if (Checksum.Of(element.Blob.Span) != element.Checksum)
        {
            CorruptElements++;
            return false;
        }

        Account(header, -1);
        header = new RecordHeader(
            header.Version, element.Checksum, element.ValueBytes, (byte)element.Version.Width);
        _store.Put(key, header, element.Blob.Span);
        Account(header, 1);
        Append(ReplicaRecords.Fill, hash, ReplicaRecords.WriteElement(_head, key, element),
            element.Blob.Span);
        return true;
    }

    /// <summary>Drops pre-writes of a tag that its writer gave up before finalising.</summary>
    internal void Retract(ReadOnlySpan<byte> key, ulong hash, EccVersion version)
    {
        var before = Held.Count;
        DropTag(key, hash, version.Tag);
        if (Held.Count != before)
        {
            var headBytes = ReplicaRecords.WriteKey(_head, key, version, EccVersion.None);
            Append(ReplicaRecords.Retract, hash, headBytes, default);
        }
    }

    /// <summary>
    /// The element of <paramref name="wanted"/>, else of fin. A stored element that does not match its
    /// checksum counts as missing from then on.
    /// </summary>
    internal bool TryGetElement(ReadOnlySpan<byte> key, ulong hash, EccVersion wanted,
        out EccElement element,
        out ReadOnlySpan<byte> blob)
    {
        element = default;
        blob = default;
        var known = _store.TryGet(key, out var header, out var payload);
        var isFin = wanted.IsNone || (known && VersionOf(header) == wanted);
        var index = isFin ? -1 : Held.Find(key, hash, wanted);
        if (index >= 0)
        {
            element = new EccElement(wanted, Held.ValueBytesAt(index), Held.ChecksumAt(index), default);
            blob = Held.BlobAt(index);
            return true;
        }

        if (!known || IsMissing(header) || VersionOf(header).Width == 0)
        {
            return false;
        }

        if (Checksum.Of(payload) != header.Checksum)
        {
            CorruptElements++;
            MarkMissing(key);
            OnMissing?.Invoke(key.ToArray());
            return false;
        }

        element = new EccElement(VersionOf(header), header.ValueBytes, header.Checksum, default);
        blob = payload;
        return true;
    }

    /// <summary>Test switch: a byte of a stored element changes, as memory now and then does.</summary>
    internal void Rot(ReadOnlySpan<byte> key)
    {
        if (_store.TryGet(key, out var header, out var payload) && payload.Length > 0)
        {
            var rotten = payload.ToArray();
            rotten[^1] ^= 1;
            _store.Put(key, header, rotten);
        }
    }

    private void MarkMissing(ReadOnlySpan<byte> key)
    {
        _store.TryGet(key, out var header, out _);
        Account(header, -1);
        header = new RecordHeader(header.Version, 0, 0, (byte)(header.Flags | MissingFlag));
        _store.Put(key, header, default);
        Account(header, 1);
    }

    private void Account(in RecordHeader header, int sign)
    {
        PresentKeys += VersionOf(header).Width > 0 ? sign : 0;
        MissingElements += IsMissing(header) ? sign : 0;
        NarrowKeys += IsNarrow(header) ? sign : 0;
    }

    private void Append(byte type, ulong hash, int headBytes, ReadOnlySpan<byte> body)
    {
        if (Log is { } log)
        {
            Gate.Appended(hash, log.Append(type, _head.AsSpan(0, headBytes), body));
        }
    }

    /// <summary>Applies one record of an earlier life.</summary>
    internal void Recover(byte type, ReadOnlyMemory<byte> payload)
    {
        if (type is ReplicaRecords.PreWrite or ReplicaRecords.Fill or ReplicaRecords.Fin
            && ReplicaRecords.TryReadElement(payload, out var key, out var element))
        {
            var hash = EccCode.HashOf(key.Span);
            if (type == ReplicaRecords.PreWrite)
            {
                PreWrite(key.Span, hash, EccVersion.None, element);
            }
            else
            {
                if (type == ReplicaRecords.Fin)
                {
                    Finalize(key.Span, hash, element.Version);
                }

                if (!element.Blob.IsEmpty)
                {
                    Fill(key.Span, hash, element);
                }
            }
        }
        else if (ReplicaRecords.TryReadKey(payload, out key, out var first, out var second))
        {
            RecoverKey(type, key.Span, first, second);
        }
        else
        {
            throw Foreign(type);
        }
    }

    private static InvariantViolation Foreign(byte type) =>
        new($"record type {type} is not ECC's: the data folder belongs to another kind of node");

    private void RecoverKey(byte type, ReadOnlySpan<byte> key, EccVersion first, EccVersion second)
    {
        var hash = EccCode.HashOf(key);
        switch (type)
        {
            case ReplicaRecords.Finalize:
                Finalize(key, hash, first);
                break;
            case ReplicaRecords.Rename:
                Rename(key, hash, first, second);
                break;
            case ReplicaRecords.Retract:
                Retract(key, hash, first);
                break;
            default:
                throw Foreign(type);
        }
    }
}
