using System.Numerics;
using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>Answers the protocol's requests from a <see cref="Replica"/>.</summary>
internal sealed class ReplicaService
{
    private const int LieEvery = 50;
    private const int RotEvery = 20;
    private readonly Replica _replica;
    private readonly EccCode _code;
    private readonly EccOptions _options;
    private readonly NodePort _port;
    private readonly Readiness _readiness;
    private readonly CrashVector _known;
    private readonly FenceTable _fences;
    private readonly ScanVisitor _visitor;
    private byte[] _entries = new byte[16 * 1024];
    private EccScan _scan;
    private int _entryCount;
    private int _entryBytes;
    private bool _truncated;
    private long _reads;
    private long _preWrites;
    private long _fetches;
    private long _finalises;
    private long _finalisesRefused;
    private long _scans;
    private long _dataElements;
    private long _parityElements;
    private long _refusals;

    internal ReplicaService(Replica replica, EccCode code, EccOptions options, NodePort port,
        Readiness readiness, CrashVector known, FenceTable fences)
    {
        (_readiness, _known, _fences) = (readiness, known, fences);
        _replica = replica;
        _code = code;
        _options = options;
        _port = port;
        _visitor = Visit;
    }

    /// <summary>A request came for a key of which this node does not vote yet.</summary>
    internal Action<ulong>? OnNotReady { get; set; }

    /// <summary>True when more nodes are empty than are tolerated: then requests are refused.</summary>
    internal Func<bool> IsLost { get; set; } = static () => false;

    /// <summary>Handles a request; false when it is none or malformed.</summary>
    internal bool TryHandle(Endpoint from, ReadOnlyMemory<byte> message)
    {
        switch (message.Span[0])
        {
            case EccTypes.PreWrite when EccPreWrite.TryRead(message, out var preWrite)
                    && preWrite.Element.Version.Width <= _code.DataElements:
                OnPreWrite(from, preWrite);
                return true;
            case EccTypes.Read or EccTypes.Finalize when EccFetch.TryRead(message, out var fetch)
                    && fetch.Version.Width <= _code.DataElements:
                OnFetch(from, fetch);
                return true;
            case EccTypes.Scan when EccScan.TryRead(message, out var scan):
                OnScan(from, scan);
                return true;
            case EccTypes.Retract when EccRetract.TryRead(message, out var retract):
                if (!_readiness.IsStarting)
                {
                    _replica.Retract(retract.Key.Span, EccCode.HashOf(retract.Key.Span), retract.Version);
                }

                return true;
            default:
                return false;
        }
    }

    /// <summary>What was asked of this node, and which of its elements it gave.</summary>
    internal void Report(IStatusSink sink)
    {
        sink.Counter("pre_writes", _preWrites);
        sink.Counter("fetches", _fetches);
        sink.Counter("finalises", _finalises);
        sink.Counter("finalises_refused", _finalisesRefused);
        sink.Counter("scans", _scans);
        sink.Counter("data_elements_served", _dataElements);
        sink.Counter("parity_elements_served", _parityElements);
        sink.Counter("lost_refusals", _refusals);
    }

    /// <summary>
    /// E6: a node that is STARTING ignores what it would have to acknowledge. True when nothing is left to do.
    /// </summary>
    private bool Ignores(Endpoint from, ulong operationId, bool votes)
    {
        if (votes && !_readiness.IsStarting)
        {
            return false;
        }

        if (IsLost())
        {
            _refusals++;
            _port.End(new EccRefusal(operationId).Write(_port.Begin(from, EccRefusal.Bytes, false)));
            return true;
        }

        return _readiness.IsStarting && (_options.Mutants & EccMutants.AcksWhileStarting) == 0;
    }

    private bool Ignores(Endpoint from, ulong operationId, ulong hash)
    {
        var votes = _readiness.Votes(hash);
        if (!votes)
        {
            OnNotReady?.Invoke(hash);
        }

        return Ignores(from, operationId, votes);
    }

    private void OnPreWrite(Endpoint from, in EccPreWrite request)
    {
        var key = request.Key.Span;
        var hash = EccCode.HashOf(key);
        if (Ignores(from, request.OperationId, hash))
        {
            return;
        }

        _preWrites++;
        var status = _replica.PreWrite(key, hash, request.From, request.Element);
        var ack = new EccPreWriteAck(
            _readiness.HeadOf(request.OperationId, hash, ShownFin(key, hash)), request.Element.Version, status);
        var span = _port.Begin(from, EccReplyHead.MaxBytes + 17, !_replica.Gate.IsSettled(hash));
        _port.End(ack.Write(span));
    }

    private EccVersion ShownFin(ReadOnlySpan<byte> key, ulong hash)
    {
        var fin = _replica.FinOf(key);
        if ((_options.Mutants & EccMutants.ReadersFinaliseUnfinalised) != 0)
        {
            for (var i = _replica.Held.First(key, hash); i >= 0; i = _replica.Held.Next(i, key, hash))
            {
                fin = _replica.Held.VersionAt(i) > fin ? _replica.Held.VersionAt(i) : fin;
            }
        }

        return fin;
    }

    private void OnFetch(Endpoint from, in EccFetch request)
    {
        var key = request.Key.Span;
        var hash = EccCode.HashOf(key);
        if (Ignores(from, request.OperationId, hash))
        {
            return;
        }

        if (request.Pin)
        {
            _replica.Pins.Add(hash, _replica.FinOf(key), _replica.NowMicros);
        }

        if (!request.Version.IsNone)
        {
            _finalises++;
            if (MayFinalize(request))
            {
                _replica.Finalize(key, hash, request.Version);
            }
        }
        else
        {
            _fetches++;
        }

        if (request.Version.IsNone && _options.TestLie && ++_reads % LieEvery == 0)
        {
            Lie(key, hash);
        }

        // At f nodes only: more decayed elements of one value would be its end.
        if (request.Version.IsNone && _options.TestRot && _options.Self.Index < _code.Tolerated
            && ++_reads % RotEvery == 0)
        {
            _replica.Rot(key);
        }

        var fin = request.Version.IsNone ? ShownFin(key, hash) : _replica.FinOf(key);
        var head = _readiness.HeadOf(request.OperationId, hash, fin);
        var afterDurable = !_replica.Gate.IsSettled(hash);
        var element = default(EccElement);
        var blob = default(ReadOnlySpan<byte>);
        if (request.NodeMask != 0)
        {
            var wanted = request.Version.IsNone ? fin : request.Version;
            if (!_replica.TryGetElement(key, hash, wanted, out element, out blob)
                || !IsWanted(request.NodeMask, hash, element.Version.Width))
            {
                element = default;
                blob = default;
            }
            else if (blob.Length > 0)
            {
                CountServed(hash, element.Version.Width);
            }
        }

        var span = _port.Begin(from, EccFetchReply.MaxBytes(blob.Length), afterDurable);
        _port.End(EccFetchReply.Write(span, head, element.Version, element.ValueBytes, element.Checksum,
            blob));
    }

    /// <summary>
    /// E11: no longer when what speaks for it was forgotten by who said it, nor for a writer that is fenced. The reply
    /// then shows a lower fin, and the incarnations that are known here.
    /// </summary>
    private bool MayFinalize(in EccFetch request)
    {
        var (node, incarnation, isWriters) = request.Evidence;
        var stands = node < _code.Nodes && incarnation >= _known[node];
        var isFenced = isWriters && _fences.Stops(request.Version)
            && (_options.Mutants & EccMutants.FencedWriterFinalises) == 0;
        _finalisesRefused += stands && !isFenced ? 0 : 1;
        return stands && !isFenced;
    }

    private void CountServed(ulong hash, int width)
    {
        if (_code.ElementIndex(_options.Self.Index, hash) < width)
        {
            _dataElements++;
        }
        else
        {
            _parityElements++;
        }
    }

    /// <summary>
    /// True when this node's element index is among the first "width" of the nodes that were asked.
    /// </summary>
    private bool IsWanted(uint nodeMask, ulong hash, int width)
    {
        var self = _options.Self.Index;
        if ((nodeMask & (1u << self)) == 0)
        {
            return false;
        }

        var own = _code.ElementIndex(self, hash);
        var before = 0;
        for (var rest = nodeMask & _code.AllNodes; rest != 0; rest &= rest - 1)
        {
            before += _code.ElementIndex(BitOperations.TrailingZeroCount(rest), hash) < own ? 1 : 0;
        }

        return before < width;
    }

    /// <summary>
    /// Test switch: invents a version above fin with a value nobody wrote, consistent in itself, as a node
    /// with broken memory or code would.
    /// </summary>
    private void Lie(ReadOnlySpan<byte> key, ulong hash)
    {
        if (!_replica.Store.TryGet(key, out var header, out _) || header.ValueBytes == 0)
        {
            return;
        }

        var fin = Replica.VersionOf(header);
        var value = new byte[header.ValueBytes];
        value.AsSpan().Fill(0xA5);
        var blob = new byte[EccCode.BlobBytes(1, value.Length)];
        _code.Encode(value, Checksum.Of(value), 1, _code.ElementIndex(_options.Self.Index, hash), blob);
        var forged = EccVersion.Of(fin.Hlc + 1, fin.Client, 0, 0, 1);
        var element = new EccElement(forged, value.Length, Checksum.Of(blob), blob);
        _replica.PreWrite(key, hash, EccVersion.None, element);
        _replica.Finalize(key, hash, forged);
    }

    private void OnScan(Endpoint from, in EccScan scan)
    {
        if (Ignores(from, scan.OperationId, _readiness.IsReady))
        {
            return;
        }

        _scans++;
        _scan = scan;
        _entryCount = 0;
        _entryBytes = 0;
        _truncated = false;
        _replica.Store.Scan(scan.Start.Span, _visitor);
        _scan = default;
        var span = _port.Begin(from, EccScanReply.MaxBytes(_entryBytes), !_replica.Gate.AllSettled);
        var offset = EccScanReply.WriteHead(span, _readiness.HeadOfAll(scan.OperationId));
        _entries.AsSpan(0, _entryBytes).CopyTo(span[offset..]);
        EccScanReply.Seal(span, offset, _entryBytes, _truncated);
        _port.End(offset + _entryBytes);
    }

    private bool Visit(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var fin = Replica.VersionOf(header);
        if (fin.Width == 0 || (_scan.AfterStart && key.SequenceEqual(_scan.Start.Span)))
        {
            return true;
        }

        var hasElement = !Replica.IsMissing(header)
            && IsWanted(_scan.NodeMask, EccCode.HashOf(key), fin.Width)
            && EccScanEntry.Bytes(key.Length, payload.Length) <= EccScanReply.EntriesLimitBytes;
        var bytes = EccScanEntry.Bytes(key.Length, hasElement ? payload.Length : -1);
        if (_entryCount >= _scan.Limit || _entryBytes + bytes > EccScanReply.EntriesLimitBytes)
        {
            _truncated = true;
            return false;
        }

        if (_entryBytes + bytes > _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(_entries.Length * 2, _entryBytes + bytes));
        }

        _entryBytes += EccScanEntry.Write(_entries.AsSpan(_entryBytes), key, fin, hasElement,
            header.ValueBytes,
            header.Checksum, payload);
        _entryCount++;
        return true;
    }
}
