using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Answers a recovering peer: what this node holds of a stretch of the hash order, and elements of it.
/// </summary>
internal sealed class RebuildSource
{
    /// <summary>Elements of one answer take about this much; a single larger one goes alone.</summary>
    internal const int PullBytes = 256 * 1024;
    private const int AnswerLimitBytes = 1024 * 1024;
    private const int MostHeldPerPage = 8_192;
    private readonly Replica _replica;
    private readonly EccOptions _options;
    private readonly NodePort _port;
    private readonly CrashVector _known;
    private readonly Readiness _readiness;
    private readonly ScanVisitor _visitor;
    private byte[] _entries = new byte[16 * 1024];
    private int _entryBytes;
    private int _keys;
    private int _limit;
    private uint _end;
    private uint _next;
    private uint _lastGroup;

    internal RebuildSource(
        Replica replica, EccOptions options, NodePort port, CrashVector known, Readiness readiness)
    {
        (_replica, _options, _port, _known, _readiness) = (replica, options, port, known, readiness);
        _visitor = Visit;
    }

    /// <summary>As in <see cref="Registration.OnLearnt"/>.</summary>
    internal Action<int>? OnLearnt { get; set; }

    /// <summary>
    /// "on Scan": the incarnation is remembered before the snapshot is taken, so whoever counted an
    /// acknowledgement of an earlier one with one of this node has it in the snapshot.
    /// </summary>
    internal void OnScan(Endpoint from, in EccSlotScan scan)
    {
        if (!Admit(from, scan.Incarnation))
        {
            return;
        }

        _entryBytes = _keys = 0;
        _next = scan.First;
        var head = _readiness.HeadOfNothing(scan.ExchangeId);
        var slot = (int)(scan.First / EccSlotScan.GroupsPerSlot);
        if (Serves(slot))
        {
            while (++slot < Readiness.Slots && Serves(slot))
            {
                // One answer covers all slots in a row that this node votes in.
            }

            head = head with { Ready = true };
            Collect(scan, Math.Min(scan.End, (uint)slot * EccSlotScan.GroupsPerSlot));
        }

        var reply = new EccSlotScanReply(head, _next, _entries.AsMemory(0, _entryBytes));
        var span = _port.Begin(from, reply.MaxBytes, !_options.Volatile);
        _port.End(reply.Write(span));
    }

    private bool Admit(Endpoint from, uint incarnation)
    {
        if (incarnation < _known[from.Id])
        {
            return false;
        }

        if (_known.Learn(from.Id, incarnation, 0))
        {
            OnLearnt?.Invoke(from.Id);
        }

        return true;
    }

    private bool Serves(int slot) => !_readiness.IsStarting
        && (_readiness.IsSlotReady(slot) || (_options.Mutants & EccMutants.RecoveryFromNotReady) != 0);

    private void Collect(in EccSlotScan scan, uint end)
    {
        (_limit, _end, _next, _lastGroup) = (scan.Limit, end, end, scan.First);
        _replica.Store.ScanHashes((ulong)scan.First << (64 - EccSlotScan.GroupBits), _visitor);
        var held = _replica.Held;
        ShrinkToHeld(scan.First);
        for (var i = held.NextUsed(0); i >= 0; i = held.NextUsed(i + 1))
        {
            var group = EccSlotScan.GroupOf(held.HashAt(i));
            if (group >= scan.First && group < _next && !held.IsPinnedAt(i))
            {
                Add(held.KeyAt(i), held.VersionAt(i), held.ValueBytesAt(i), isFin: false, holds: true);
            }
        }
    }

    // Pre-writes lie in no order, so where there are very many the stretch is made shorter first.
    private void ShrinkToHeld(uint first)
    {
        while (_replica.Held.Count > MostHeldPerPage && _next - first > 1)
        {
            var count = 0;
            for (var i = _replica.Held.NextUsed(0); i >= 0; i = _replica.Held.NextUsed(i + 1))
            {
                var group = EccSlotScan.GroupOf(_replica.Held.HashAt(i));
                count += group >= first && group < _next ? 1 : 0;
            }

            if (count <= MostHeldPerPage)
            {
                return;
            }

            _next = first + ((_next - first) / 2);
        }
    }

    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var group = EccSlotScan.GroupOf(EccCode.HashOf(key));
        if (group >= _end)
        {
            return false;
        }

        // A cut between groups only: keys of one group come in no order.
        if (group != _lastGroup && _keys >= _limit)
        {
            _next = group;
            return false;
        }

        _lastGroup = group;
        Add(key, Replica.VersionOf(header), header.ValueBytes, isFin: true, !Replica.IsMissing(header));
        return true;
    }

    private void Add(ReadOnlySpan<byte> key, EccVersion version, int valueBytes, bool isFin, bool holds)
    {
        Reserve(EccSlotEntry.Bytes(key.Length));
        _entryBytes += EccSlotEntry.Write(
            _entries.AsSpan(_entryBytes), key, version, valueBytes, isFin, holds);
        _keys++;
    }

    private void Reserve(int bytes)
    {
        if (_entryBytes + bytes > _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(_entries.Length * 2, _entryBytes + bytes));
        }
    }

    internal void OnPull(Endpoint from, in EccPull pull)
    {
        if (!Admit(from, pull.Incarnation) || _readiness.IsStarting)
        {
            return;
        }

        _entryBytes = 0;
        var rest = pull.Wanted;
        while (EccFinList.TryRead(ref rest, out var key, out var version))
        {
            var hash = EccCode.HashOf(key.Span);
            if (!_replica.TryGetElement(key.Span, hash, version, out var element, out var blob)
                || element.Version != version
                || (_entryBytes > 0 && _entryBytes + blob.Length > AnswerLimitBytes))
            {
                element = default;
                blob = default;
            }

            Reserve(EccPullEntry.Bytes(blob.Length));
            _entryBytes += EccPullEntry.Write(
                _entries.AsSpan(_entryBytes), _replica.FinOf(key.Span), element, blob);
        }

        var span = _port.Begin(from, EccPullReply.MaxBytes(_entryBytes), !_options.Volatile);
        _port.End(EccPullReply.Write(
            span, _readiness.HeadOfNothing(pull.ExchangeId), _entries.AsSpan(0, _entryBytes)));
        if (_entries.Length > 4 * AnswerLimitBytes)
        {
            _entries = new byte[16 * 1024];
        }
    }
}
