using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>Whom the client believes to lead, and how it finds out.</summary>
public sealed partial class RaftClientCore
{
    private const int NoTarget = -1;

    /// <summary>The node that new operations go to, or none.</summary>
    private int _target = NoTarget;

    /// <summary>The term in which it claimed to lead; 0 when another node's hint named it.</summary>
    private ulong _targetTerm;

    /// <summary>It has been silent for too long: nothing new is sent to it until it speaks again.</summary>
    private bool _suspected;

    /// <summary>When the target spoke last, or was first given something to answer.</summary>
    private long _heardMicros;

    private int _hops;
    private long _searchDue;
    private long _searchInterval;
    private ulong _question;

    private bool Searching => _target == NoTarget || _suspected;

    private void Suspect()
    {
        if (_target != NoTarget && !_suspected && _nodes[_target].Outstanding > 0
            && _now - _heardMicros >= _options.SuspicionMicros)
        {
            _suspected = true;
            _counters.Suspicions++;
        }
    }

    /// <summary>Asks all nodes who leads, when it is time to.</summary>
    private void Search(IClientOutput output)
    {
        if (!Searching || _now < _searchDue)
        {
            return;
        }

        _searchInterval = long.Clamp(2 * _searchInterval, _options.SearchMinMicros, _options.SearchMaxMicros);
        _searchDue = _now + _searchInterval / 2 + _random.Below(_searchInterval / 2 + 1);
        for (var node = 0; node < _nodes.Length; node++)
        {
            if (_nodes[node].Up)
            {
                Ask(node, output);
            }
        }
    }

    private void Ask(int node, IClientOutput output)
    {
        _counters.Queries++;
        var question = new RaftMessage { Kind = RaftMessageKind.LeaderQuery, Round = ++_question };
        output.End(question.Write(output.Begin(new NodeId((byte)node), RaftMessage.HeadBytes)));
    }

    private void OnLeaderInfo(int from, in RaftMessage info, IClientOutput output)
    {
        Heard(from);
        if (info.Leader < _nodes.Length && !_nodes[info.Leader].Known && !info.Payload.IsEmpty)
        {
            _nodes[info.Leader].Known = true;
            output.Node(new NodeId(info.Leader), info.Payload.Span);
        }

        if (info.Yes && Searching && from != _target && _nodes[from].Up
            && (_target == NoTarget || info.Term > _targetTerm))
        {
            _hops = 0;
            Adopt(from, info.Term);
        }

        Search(output);
    }

    /// <summary>The node refused: go where it points, or ask everybody.</summary>
    private void FollowHint(int from, byte hint)
    {
        if (from != _target)
        {
            return;
        }

        if (hint < _nodes.Length && hint != from && _nodes[hint].Up && _hops < Hops)
        {
            _hops++;
            Adopt(hint, 0);
        }
        else
        {
            ForgetLeader();
        }
    }

    private void Adopt(int node, ulong term)
    {
        (_target, _targetTerm, _suspected, _heardMicros, _searchInterval) = (node, term, false, _now, 0);
        _counters.LeaderChanges++;

        if (_openingAt != node)
        {
            StopOpening();
        }

        // What a silent node holds is asked again here.
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            if (_slots[slot].State == SlotState.Sent && _slots[slot].SentTo != node)
            {
                SendAgain(slot);
            }
        }
    }

    private void ForgetLeader() => (_target, _targetTerm, _suspected, _hops) = (NoTarget, 0, false, 0);

    /// <summary>Any message shows that a node lives.</summary>
    private void Heard(int node)
    {
        if (node == _target)
        {
            (_heardMicros, _suspected) = (_now, false);
        }
    }

    /// <summary>The node answered as a leader does.</summary>
    private void Trust(int node)
    {
        if (node == _target)
        {
            _hops = 0;
        }
    }
}
