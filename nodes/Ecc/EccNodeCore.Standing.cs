using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <content>How a node comes to its standing, keeps it over restarts, and loses it.</content>
public sealed partial class EccNodeCore
{
    private static readonly byte[] s_otherIncarnation =
        "the reset names another incarnation of this node: ask for its status again"u8.ToArray();

    /// <summary>In seconds since 1970. Incarnations counted from there suffice until 2037.</summary>
    private const long Year2020 = 1_577_836_800;

    private bool _hadLog;
    private bool _hadIdentity;

    /// <summary>The log ends before this node had an incarnation, or with a reset.</summary>
    private bool _mustRegister;
    private bool _rejoins;

    internal Readiness Readiness => _readiness;

    /// <summary>
    /// True once this node has voted about any key. A host that keeps a sign of it tells it to later processes
    /// (<see cref="EccOptions.Rejoins"/>): only so can a cluster whose nodes were all killed at once see that it
    /// lost its memory, and is not new.
    /// </summary>
    public bool HasPart => !_readiness.IsStarting && _readiness.ReadySlots > 0;

    /// <summary>
    /// True when more nodes are empty than the code tolerates, and have been for a while: requests are refused
    /// until enough of them come back or the operator gives the data up (<see cref="EccReset"/>).
    /// </summary>
    public bool IsLost => _registration.IsLost || _rebuild.IsLost;

    private void Stand(ulong random)
    {
        _replica.Held.BeginAges(_now);
        var rejoins = (_options.Rejoins && !_hadLog) || (_options.Amnesia && !_hadIdentity);
        var isEmpty = _options.Volatile || rejoins;
        if (!_options.Volatile)
        {
            _replica.Log = _port;
            _port.Append(ReplicaRecords.Life, default, default);
        }

        if (_mustRegister || (isEmpty && (_options.Mutants & EccMutants.EmptyNodeVotes) == 0))
        {
            rejoins |= _rejoins;
            Register(_options.Nonce != 0 ? _options.Nonce : random, rejoins, rejoins ? 1u : 0);
            return;
        }

        _engine.LinkUp(_options.Self.Index);
        if (_readiness.IsStarting)
        {
            // No incarnation was ever taken: a log that has been complete from the start.
            _readiness.AllReady();
        }
        else if (!_readiness.IsReady)
        {
            _rebuild.CameBackEmpty(_now);
            _rebuild.Begin(_now);
        }
    }

    private void Register(ulong nonce, bool rejoins, uint least)
    {
        _rejoins = rejoins;
        _rebuild.CameBackEmpty(_now);
        _registration.Begin(rejoins, least, nonce);
        AppendIdentity();
    }

    private void OnKnown(int node, uint incarnation)
    {
        if (node == _options.Self.Index)
        {
            OnOwnKnown(incarnation);
        }
    }

    private void OnOwnKnown(uint incarnation)
    {
        if (incarnation > _readiness.Incarnation)
        {
            _registration.HeardOfLater(incarnation);
        }
    }

    /// <summary>Others ignore this incarnation; what it holds is good, and is completed under the next one.</summary>
    private void RegisterAgain(uint least)
    {
        _orphans.Abandon();
        _rebuild.Abandon();
        _engine.LinkDown(_options.Self.Index);
        Register(new SplitMix64(_readiness.Nonce + least).Next(), rejoins: true, least);
    }

    private void OnRegistered()
    {
        AppendIdentity();
        _engine.LinkUp(_options.Self.Index);
        _rebuild.Begin(_now);
        if (_readiness.Incarnation == 0)
        {
            // The cluster was founded a moment ago, and no process of this node was there before.
            _rebuild.NothingToRebuild();
        }
    }

    private void OnFounded()
    {
        _rebuild.NothingToRebuild();
        AppendIdentity();
        _engine.LinkUp(_options.Self.Index);
    }

    private bool OnReset(Endpoint from, ReadOnlyMemory<byte> message)
    {
        if (!EccReset.TryRead(message, out var reset))
        {
            return false;
        }

        var isMeant = reset.Incarnation == _readiness.Incarnation;
        if (isMeant)
        {
            if (!_options.Volatile)
            {
                _port.Append(ReplicaRecords.Reset, default, default);
            }

            _replica.Clear();
            _fences.Clear();
            _rebuild.Abandon();
            _orphans.Abandon();
            _engine.AbandonAll();
            _repairs.Clear();
            _digests.BeginAnew();
            _engine.LinkDown(_options.Self.Index);

            // Where every node has lost its memory nobody knows which incarnations there were (E7), an earlier reset's
            // among them: the clock leaves them behind.
            var seconds = (uint)Math.Clamp(_wallMicros / 1_000_000 - Year2020, 0, EccRegister.MostIncarnations / 2);
            var nonce = new SplitMix64(_readiness.Nonce ^ _options.Nonce).Next();
            Register(nonce, rejoins: false, Math.Max(_readiness.Incarnation + 1, seconds));
        }

        var reply = isMeant
            ? KvReply.Plain(reset.CorrelationId, KvStatus.Ok)
            : KvReply.Plain(reset.CorrelationId, KvStatus.Rejected) with { Value = s_otherIncarnation };
        _port.End(reply.Write(_port.Begin(from, reply.MaxBytes, !_options.Volatile)));
        return true;
    }

    private bool DispatchRecovery(Endpoint from, ReadOnlyMemory<byte> message)
    {
        switch (message.Span[0])
        {
            case EccTypes.Register when EccRegister.TryRead(message, out var register):
                _registration.OnRegister(from, register);
                return true;
            case EccTypes.RegisterReply when EccRegisterReply.TryRead(message, out var registered):
                _registration.OnReply(from.Id, registered, _now);
                return true;
            case EccTypes.SlotScan when EccSlotScan.TryRead(message, out var scan):
                _source.OnScan(from, scan);
                return true;
            case EccTypes.SlotScanReply when EccSlotScanReply.TryRead(message, out var shown):
                _rebuild.OnScanReply(from.Id, shown, message.Length);
                return true;
            case EccTypes.Pull when EccPull.TryRead(message, out var pull):
                _source.OnPull(from, pull);
                return true;
            case EccTypes.PullReply when EccPullReply.TryRead(message, out var pulled):
                _rebuild.OnPullReply(from.Id, pulled, message.Length);
                return true;
            default:
                return false;
        }
    }

    private bool TryRecoverStanding(byte type, ReadOnlyMemory<byte> payload)
    {
        switch (type)
        {
            case ReplicaRecords.Life:
                _lives++;
                return true;
            case ReplicaRecords.Identity:
                RecoverIdentity(payload);
                return true;
            case ReplicaRecords.Known:
                var reader = new WireReader(payload);
                _known.Learn(Math.Min(reader.U8(), _code.Nodes - 1), reader.U32(), reader.U64());
                return true;
            case ReplicaRecords.SlotReady:
                // Where the log begins behind the registration, the identity that follows it holds this slot, too.
                if (!_readiness.IsStarting)
                {
                    _readiness.SlotRecovered(payload.Span[0]);
                }

                return true;
            case ReplicaRecords.Reset:
                _replica.Clear();
                _fences.Clear();
                return true;
            case ReplicaRecords.Fence:
                var fence = EccFences.Read(payload.Span);
                _fences.Raise(fence.Client, fence.Hlc);
                return true;
            default:
                return false;
        }
    }

    private void RecoverIdentity(ReadOnlyMemory<byte> payload)
    {
        _hadIdentity = true;
        var reader = new WireReader(payload);
        _lives = reader.U64();
        _mustRegister = (EccStanding)reader.U8() == EccStanding.Starting;
        _rejoins = reader.U8() != 0;
        var incarnation = reader.U32();
        var nonce = reader.U64();
        Span<ulong> slots = stackalloc ulong[Readiness.Slots / 64];
        for (var i = 0; i < slots.Length; i++)
        {
            slots[i] = reader.U64();
        }

        for (var node = 0; node < _code.Nodes; node++)
        {
            _known.Learn(node, reader.U32(), reader.U64());
        }

        if (!_mustRegister)
        {
            _readiness.Registered(incarnation, nonce);
            _readiness.Restore(slots);
        }
    }

    /// <summary>All that says where the node stands, once more.</summary>
    private void AppendStanding()
    {
        AppendIdentity();
        for (var list = _fences.Wire.Span; !list.IsEmpty; list = list[EccFences.EntryBytes..])
        {
            _port.Append(ReplicaRecords.Fence, list[..EccFences.EntryBytes], default);
        }
    }

    private void AppendFence(uint client, ulong hlc)
    {
        if (!_options.Volatile)
        {
            Span<byte> record = stackalloc byte[EccFences.EntryBytes];
            EccFences.Write(record, client, hlc);
            _port.Append(ReplicaRecords.Fence, record, default);
        }
    }

    private void AppendIdentity()
    {
        if (_options.Volatile)
        {
            return;
        }

        Span<byte> record = stackalloc byte[22 + (Readiness.Slots / 8) + (12 * Limits.Nodes)];
        var writer = new WireWriter(record);
        writer.U64(_lives);
        writer.U8((byte)_readiness.Standing);
        writer.U8(_rejoins ? (byte)1 : (byte)0);
        writer.U32(_readiness.Incarnation);
        writer.U64(_readiness.Nonce);
        foreach (var word in _readiness.SlotBits)
        {
            writer.U64(word);
        }

        for (var node = 0; node < _code.Nodes; node++)
        {
            writer.U32(_known[node]);
            writer.U64(_known.NonceOf(node));
        }

        _port.Append(ReplicaRecords.Identity, record[..writer.Position], default);
    }

    private void AppendKnown(int node)
    {
        if (!_options.Volatile)
        {
            Span<byte> record = stackalloc byte[13];
            record[0] = (byte)node;
            BinaryPrimitives.WriteUInt32LittleEndian(record[1..], _known[node]);
            BinaryPrimitives.WriteUInt64LittleEndian(record[5..], _known.NonceOf(node));
            _port.Append(ReplicaRecords.Known, record, default);
        }
    }

    private void AppendSlot(int slot)
    {
        if (!_options.Volatile)
        {
            _port.Append(ReplicaRecords.SlotReady, [(byte)slot], default);
        }
    }

    private void ReportStanding(IStatusSink sink)
    {
        sink.Gauge("ready", _readiness.IsReady ? 1 : 0);
        sink.Text("standing", IsLost ? "lost" : _readiness.Standing switch
        {
            EccStanding.Starting => "starting",
            EccStanding.Recovering => "recovering",
            _ => "ready",
        });
        sink.Gauge("lost", IsLost ? 1 : 0);
        sink.Gauge("incarnation", _readiness.Incarnation);
        _rebuild.Report(sink);
        _checkpoint.Report(sink);
    }
}
