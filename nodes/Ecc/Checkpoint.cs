using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Keeps the log short: writes what is alive into it once more, stretch by stretch of the hash order while
/// everything goes on, then lets go of what came before. The picture is of no single moment and need not be: its
/// records say how a key is when they are written, they change nothing when replayed over the whole log, and what
/// happens to a key later lies behind them. So the log is good at any point at which it may end.
/// </summary>
internal sealed class Checkpoint
{
    private readonly EccOptions _options;
    private readonly Replica _replica;
    private readonly NodePort _port;
    private readonly Action _appendStanding;
    private readonly ScanVisitor _visitor;
    private readonly byte[] _head = new byte[ReplicaRecords.MaxHeadBytes];
    private long _recoveredBytes;
    private long _bytesBefore;
    private bool _running;
    private LogSequence _before;
    private long _budget;
    private uint _cursor;
    private uint _next;
    private uint _lastGroup;
    private long _bytesAtBegin;

    internal Checkpoint(EccOptions options, Replica replica, NodePort port, Action appendStanding)
    {
        (_options, _replica, _port, _appendStanding) = (options, replica, port, appendStanding);
        _visitor = Visit;
    }

    internal long Completed { get; private set; }

    /// <summary>Bytes of the log that a restart would replay.</summary>
    internal long LogBytes => _recoveredBytes + _port.AppendedBytes - _bytesBefore;

    private long LiveBytes => _replica.Store.Bytes.PayloadBytes + _replica.Store.Bytes.KeyBytes
        + _replica.Held.TotalBytes;

    /// <summary>A record of an earlier life was replayed.</summary>
    internal void Count(int bytes) => _recoveredBytes += bytes;

    internal void Tick()
    {
        if (_options.Volatile)
        {
            return;
        }

        if (!_running && LogBytes > Math.Max(_options.CheckpointBytes, 2 * LiveBytes))
        {
            Begin();
        }

        if (_running)
        {
            Advance();
        }
    }

    private void Begin()
    {
        _running = true;
        _cursor = 0;
        _bytesAtBegin = LogBytes;
        _before = _port.LastAppended;
        _appendStanding();
    }

    private void Advance()
    {
        (_budget, _next) = (_options.CheckpointBytesPerTick, 1u << EccSlotScan.GroupBits);
        _replica.Store.ScanHashes((ulong)_cursor << (64 - EccSlotScan.GroupBits), _visitor);
        var held = _replica.Held;
        for (var i = held.NextUsed(0); i >= 0; i = held.NextUsed(i + 1))
        {
            var group = EccSlotScan.GroupOf(held.HashAt(i));
            if (group >= _cursor && group < _next && !held.IsPinnedAt(i))
            {
                var element = new EccElement(
                    held.VersionAt(i), held.ValueBytesAt(i), held.ChecksumAt(i), default);
                Append(ReplicaRecords.PreWrite, held.KeyAt(i), element, held.BlobAt(i));
            }
        }

        _cursor = _next;
        if (_cursor == 1u << EccSlotScan.GroupBits)
        {
            _running = false;
            Completed++;
            _bytesBefore += _bytesAtBegin;
            _port.Release(_before);
        }
    }

    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var group = EccSlotScan.GroupOf(EccCode.HashOf(key));
        if (group != _lastGroup && _budget <= 0)
        {
            // A cut between groups only: keys of one group come in no order.
            _next = group;
            return false;
        }

        _lastGroup = group;
        Append(ReplicaRecords.Fin, key,
            new EccElement(Replica.VersionOf(header), header.ValueBytes, header.Checksum, default), payload);
        return true;
    }

    private void Append(byte type, ReadOnlySpan<byte> key, in EccElement element, ReadOnlySpan<byte> blob)
    {
        var headBytes = ReplicaRecords.WriteElement(_head, key, element);
        _port.Append(type, _head.AsSpan(0, headBytes), blob);
        _budget -= headBytes + blob.Length;
    }

    internal void Report(IStatusSink sink)
    {
        sink.Gauge("log_live_bytes", LogBytes);
        sink.Counter("checkpoints", Completed);
    }
}
