using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// A node without memory before it may acknowledge anything: it takes an incarnation that q READY nodes
/// remember, or founds the cluster with nodes that are all as fresh as itself. Also the other side of that: what a
/// node answers to one that registers.
/// </summary>
internal sealed class Registration(
    EccCode code, EccOptions options, NodePort port, CrashVector known, Readiness readiness, FenceTable fences,
    PeerHealth health)
{
    private const long RetryMicros = 100_000;
    private const long OutbidPeriodMicros = 1_000_000;
    private const long AnswerLastsMicros = 1_000_000;
    private const long LostAfterMicros = 1_000_000;
    private readonly Answer[] _answers = new Answer[code.Nodes];
    private readonly OutbidCheck _outbid = new(code, options.Self.Index, readiness);
    private byte[] _founders = [];
    private bool _rejoins;
    private bool _isLost;
    private long _nextAskAt;
    private long _hopelessSince = long.MaxValue;

    private struct Answer
    {
        internal long AtMicros;
        internal bool Heard;

        /// <summary>The peer remembers exactly this process under exactly this incarnation.</summary>
        internal bool Accepted;
        internal uint Incarnation;
        internal ulong Nonce;
        internal EccStanding Standing;
        internal bool Fresh;
    }

    /// <summary>Q READY nodes remember the incarnation; what they know of others is taken over.</summary>
    internal Action? OnRegistered { get; set; }

    /// <summary>All nodes were empty together: there is nothing to recover.</summary>
    internal Action? OnFounded { get; set; }

    /// <summary>Called when a fact was learnt that must outlive the process where anything does.</summary>
    internal Action<int>? OnLearnt { get; set; }

    /// <summary>
    /// A peer knows of a later incarnation of this registered node: what follows says whether it must register again.
    /// </summary>
    internal void HeardOfLater(uint incarnation) => _outbid.Begin(incarnation);

    /// <summary>This node must register again, with an incarnation not below that.</summary>
    internal Action<uint>? OnOutbid { get => _outbid.MustRegister; set => _outbid.MustRegister = value; }

    /// <summary>As <see cref="OnLearnt"/>, for a fence.</summary>
    internal Action<uint, ulong>? OnFenced { get; set; }

    /// <summary>
    /// More than f nodes are empty, and that for a while: q of them will never again be READY by themselves.
    /// </summary>
    internal bool IsLost => _isLost && readiness.IsStarting;

    private int Self => options.Self.Index;

    /// <summary>
    /// Begins anew, with an incarnation not below the given one; a node that rejoins never founds.
    /// </summary>
    internal void Begin(bool rejoins, uint least, ulong nonce)
    {
        _rejoins = rejoins;
        _founders = [];
        Array.Clear(_answers);
        (_nextAskAt, _hopelessSince, _isLost) = (0, long.MaxValue, false);
        readiness.Begin(Math.Max(known[Self] + (known.NonceOf(Self) != 0 ? 1u : 0), least), nonce);
    }

    internal void Tick(long now)
    {
        if (_outbid.IsAsking && now >= _nextAskAt)
        {
            // Nodes in the same place ask at different times, so that one is READY again before the next begins.
            _nextAskAt = now + OutbidPeriodMicros + (Self * RetryMicros);
            AskAll();
        }

        if (!readiness.IsStarting || now < _nextAskAt)
        {
            return;
        }

        _nextAskAt = now + RetryMicros;
        AskAll();
        JudgeLoss(now);
    }

    /// <summary>Asks also when registered: the peer may take another process for this node.</summary>
    internal void LinkUp(int node) => Ask(node);

    private void AskAll()
    {
        for (var node = 0; node < code.Nodes; node++)
        {
            if (node != Self && (health.Up & (1u << node)) != 0)
            {
                Ask(node);
            }
        }
    }

    private void Ask(int node) => port.End(new EccRegister(readiness.Incarnation, readiness.Nonce)
        .Write(port.Begin(node, EccRegister.Bytes)));

    /// <summary>"on Register": remembered before anything is answered.</summary>
    internal void OnRegister(Endpoint from, in EccRegister register)
    {
        if (known.Learn(from.Id, register.Incarnation, register.Nonce))
        {
            OnLearnt?.Invoke(from.Id);
        }

        var own = new EccRegister(readiness.Incarnation, readiness.Nonce);
        var reply = new EccRegisterReply(register, own, readiness.Standing,
            readiness.IsStarting && !_rejoins, known.Known, known.Nonces, _founders, fences.Wire);
        var span = port.Begin(from, reply.MaxBytes, !options.Volatile);
        port.End(reply.Write(span));
    }

    internal void OnReply(int node, in EccRegisterReply reply, long now)
    {
        _outbid.OnReply(node, reply, health.Up);
        if (!readiness.IsStarting && reply.KnownOf(Self) > readiness.Incarnation)
        {
            _outbid.Begin(reply.KnownOf(Self));
        }

        if (!readiness.IsStarting || reply.Asked.Nonce != readiness.Nonce || reply.Nodes != code.Nodes
            || reply.KnownOf(Self) >= EccRegister.MostIncarnations)
        {
            return;
        }

        for (var other = 0; other < code.Nodes; other++)
        {
            if (other != Self)
            {
                known.Learn(other, reply.KnownOf(other), reply.NonceOf(other));
            }
        }

        TakeFences(reply);
        var isOurs = reply.NonceOf(Self) == readiness.Nonce;
        var remembered = reply.KnownOf(Self);
        if (remembered > readiness.Incarnation || (remembered == readiness.Incarnation && !isOurs))
        {
            // Another process was here before, or an earlier attempt of this one is remembered.
            readiness.Retry(remembered + (isOurs ? 0u : 1u));
            Array.Clear(_answers);
            AskAll();
            return;
        }

        if (reply.Asked.Incarnation != readiness.Incarnation)
        {
            return;
        }

        _answers[node] = new Answer
        {
            AtMicros = now,
            Heard = true,
            Accepted = isOurs && remembered == readiness.Incarnation,
            Incarnation = reply.Own.Incarnation,
            Nonce = reply.Own.Nonce,
            Standing = reply.Standing,
            Fresh = reply.Fresh,
        };
        Evaluate(reply);
    }

    private void Evaluate(in EccRegisterReply last)
    {
        var (ready, fresh, accepted) = (0, 0, 0);
        for (var node = 0; node < code.Nodes; node++)
        {
            ref var answer = ref _answers[node];
            if (!answer.Accepted || IsVoid(node, answer.Incarnation))
            {
                continue;
            }

            accepted++;
            ready += answer.Standing == EccStanding.Ready ? 1 : 0;
            fresh += answer.Fresh ? 1 : 0;
        }

        if (ready >= code.Quorum)
        {
            readiness.Registered(readiness.Incarnation, readiness.Nonce);
            OnRegistered?.Invoke();
        }
        else if (!_rejoins && fresh == code.Nodes - 1)
        {
            FoundFirst();
        }
        else if (!_rejoins && accepted >= Math.Min(code.Quorum, code.Nodes - 1) && !last.Founders.IsEmpty
            && last.FounderOf(Self) == readiness.Nonce)
        {
            // Somebody saw all nodes fresh at once, this very process among them: it has missed nothing that
            // it could have lost.
            Found(last.Founders.Span);
        }
    }

    // Every completed fence is in the replies of q READY nodes that remember this process, so it holds before the
    // first acknowledgement.
    private void TakeFences(in EccRegisterReply reply)
    {
        var list = (options.Mutants & EccMutants.FencesForgotten) != 0 ? default : reply.Fences.Span;
        for (; !list.IsEmpty; list = list[EccFences.EntryBytes..])
        {
            var (client, hlc) = EccFences.Read(list);
            if (fences.Raise(client, hlc))
            {
                OnFenced?.Invoke(client, hlc);
            }
        }
    }

    private bool IsVoid(int node, uint incarnation) =>
        incarnation < known[node] && (options.Mutants & EccMutants.CrashVectorIgnored) == 0;

    // Of the others only what they themselves said counts: what is known of one may be of a process before it.
    private void FoundFirst()
    {
        var founders = new byte[8 * code.Nodes];
        for (var node = 0; node < code.Nodes; node++)
        {
            var nonce = node == Self ? readiness.Nonce : _answers[node].Nonce;
            BinaryPrimitives.WriteUInt64LittleEndian(founders.AsSpan(8 * node), nonce);
            if (node != Self)
            {
                known.Learn(node, _answers[node].Incarnation, nonce);
            }
        }

        Found(founders);
    }

    private void Found(ReadOnlySpan<byte> founders)
    {
        readiness.Registered(readiness.Incarnation, readiness.Nonce);
        readiness.AllReady();
        _founders = founders.ToArray();
        OnFounded?.Invoke();
    }

    private void JudgeLoss(long now)
    {
        var (empty, founding) = (1, !_rejoins);
        foreach (var answer in _answers)
        {
            if (answer.Heard && now - answer.AtMicros < AnswerLastsMicros)
            {
                empty += answer.Standing == EccStanding.Ready ? 0 : 1;
                founding &= answer.Fresh;
            }
        }

        _hopelessSince = founding || empty <= code.Tolerated ? long.MaxValue : Math.Min(_hopelessSince, now);
        _isLost = _hopelessSince != long.MaxValue && now - _hopelessSince >= LostAfterMicros;
    }
}
