namespace Testbed.Store;

/// <content>Snapshots: every record of one moment, given while the store goes on changing.</content>
public sealed partial class KvStore
{
    private SnapshotSink? _snapshotSink;

    // No record with a lower hash waits for its turn.
    private uint _snapshotHash;

    /// <summary>Whether a snapshot has begun and still has records to give.</summary>
    public bool IsSnapshotting => _snapshotSink is not null;

    /// <summary>
    /// Begins a picture of all records as they are now; there is one at a time. The sink gets every record of
    /// this moment exactly once: from <see cref="AdvanceSnapshot"/> in the order of key hashes, or, when it is
    /// about to be replaced or removed before its turn, at once from <see cref="Put"/> or <see cref="Delete"/>
    /// (one record per change). Records added later are not part of it. Takes constant time and no memory.
    /// </summary>
    /// <exception cref="InvalidOperationException">Another snapshot is under way.</exception>
    public void BeginSnapshot(SnapshotSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (IsSnapshotting)
        {
            throw new InvalidOperationException("another snapshot is under way");
        }

        _index.BeginRound();
        _snapshotSink = sink;
        _snapshotHash = 0;
    }

    /// <summary>
    /// Gives records to the sink until at least this many bytes of keys and payloads were given; false once
    /// there are no more, which ends the snapshot.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// No snapshot is under way: none began, or it was cancelled, or it has ended.
    /// </exception>
    public bool AdvanceSnapshot(int maxBytes)
    {
        if (!IsSnapshotting)
        {
            throw new InvalidOperationException("no snapshot is under way");
        }

        var place = _index.Home(_snapshotHash);
        for (var bytes = 0L; bytes < maxBytes || bytes == 0;)
        {
            place = _index.NextWaiting(place);
            if (place < 0)
            {
                _snapshotSink = null;
                return false;
            }

            _snapshotHash = _index.HashAt(place);
            bytes += Math.Max(1, Give(place));
        }

        return true;
    }

    /// <summary>
    /// Ends a snapshot before all records were given. Passes once over the rest of the index.
    /// </summary>
    public void CancelSnapshot()
    {
        if (IsSnapshotting)
        {
            _index.SettleFrom(_index.Home(_snapshotHash));
            _snapshotSink = null;
        }
    }

    // Outside of a snapshot no record waits.
    private void GiveBeforeChange(int place)
    {
        if (_index.Waits(place))
        {
            Give(place);
        }
    }

    private long Give(int place)
    {
        var key = _records.Read(_index[place], out var header, out var payload);
        _snapshotSink!(key, in header, payload);
        _index.Settle(place);
        return (long)key.Length + payload.Length;
    }
}
