using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Raft.Snapshots;

/// <summary>
/// Makes the pieces of one snapshot while the store goes on changing: records come in the order of their hashes,
/// or just before they are overwritten (copy on write). What clients overwrite ahead of the reader waits here, at
/// most the store's size.
/// </summary>
internal sealed class SnapshotSource
{
    private readonly KvStore _store;
    private readonly int _chunkBytes;
    private readonly bool _losesOverwritten;
    private readonly RingQueue<byte[]> _ready = new();
    private byte[] _filling;
    private int _filled = SnapshotFormat.PrefixBytes;
    private bool _walking;
    private bool _footMade;
    private ulong _digest;
    private ulong _records;
    private ulong _bytes;

    /// <summary>A picture of the store as it is now; <paramref name="head"/> is taken over and sealed.</summary>
    public SnapshotSource(KvStore store, ulong index, ulong term, byte[] head, int chunkBytes, bool losesOverwritten)
    {
        (_store, Index, Term, _chunkBytes) = (store, index, term, chunkBytes);
        _losesOverwritten = losesOverwritten;
        _filling = new byte[chunkBytes];
        Seal(head, SnapshotFormat.Head);
        store.BeginSnapshot(Take);
    }

    /// <summary>The last entry it covers.</summary>
    public ulong Index { get; }

    /// <summary>That entry's term.</summary>
    public ulong Term { get; }

    /// <summary>Bytes of all pieces made so far.</summary>
    public long BytesMade { get; private set; }

    /// <summary>True once every piece was taken.</summary>
    public bool IsDrained => _footMade && _ready.Count == 0;

    /// <summary>The next piece; the last one is the foot. Must not be called once drained.</summary>
    public byte[] Next(out bool isLast)
    {
        while (_ready.Count == 0 && !_footMade)
        {
            _walking = true;
            var more = _store.AdvanceSnapshot(_chunkBytes);
            _walking = false;
            if (!more)
            {
                SealFilling();
                SealFoot();
            }
        }

        var piece = _ready[0];
        _ready.RemoveFront();
        isLast = IsDrained;
        return piece;
    }

    /// <summary>Gives the snapshot up.</summary>
    public void Cancel()
    {
        if (!_footMade)
        {
            _store.CancelSnapshot();
        }
    }

    private void Take(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (_losesOverwritten && !_walking)
        {
            return;
        }

        var bytes = SnapshotFormat.RecordBytes(key.Length, payload.Length);
        if (bytes > _filling.Length - _filled)
        {
            SealFilling();
            _filling = new byte[int.Max(_chunkBytes, bytes + SnapshotFormat.PrefixBytes)];
        }

        var writer = new WireWriter(_filling.AsSpan(_filled));
        writer.Short(key);
        writer.U64((ulong)header.Version);
        writer.Long(payload);
        _filled += bytes;
        _records++;
        _bytes += (ulong)(key.Length + payload.Length);
    }

    private void SealFilling()
    {
        if (_filled > SnapshotFormat.PrefixBytes)
        {
            Seal(_filled == _filling.Length ? _filling : _filling[.._filled], SnapshotFormat.Records);
            _filled = SnapshotFormat.PrefixBytes;
        }
    }

    private void SealFoot()
    {
        var foot = new byte[SnapshotFormat.PrefixBytes + 24];
        var writer = new WireWriter(foot.AsSpan(SnapshotFormat.PrefixBytes));
        writer.U64(_records);
        writer.U64(_bytes);
        writer.U64(_digest);
        Seal(foot, SnapshotFormat.Foot);
        _footMade = true;
    }

    private void Seal(byte[] piece, byte kind)
    {
        _digest = SnapshotFormat.Fold(_digest, SnapshotFormat.Seal(piece, kind));
        _ready.Add() = piece;
        BytesMade += piece.Length;
    }
}
