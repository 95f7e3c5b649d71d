using System.Text;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>What operators ask for: members come and go, the leadership moves.</summary>
public sealed partial class RaftNodeCore
{
    private bool ReceiveAdmin(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output)
    {
        if (!RaftMessage.TryRead(message, out var request))
        {
            return false;
        }

        if (_raft.Role != RaftRole.Leader)
        {
            _counters.NotLeader++;
            Answer(from, request.Round, KvStatus.NotLeader, output);
            return true;
        }

        var (status, text) = request.Index >= Limits.Nodes
            ? (KvStatus.Rejected, $"nodes are n0 to n{Limits.Nodes - 1}")
            : Carry(request, new NodeId((byte)request.Index));
        var reply = KvReply.Plain(request.Round, status, LeaderHint) with { Value = Encoding.UTF8.GetBytes(text) };
        output.End(reply.Write(output.Begin(from, reply.MaxBytes)));
        return true;
    }

    /// <summary>Nodes whose addresses the host was told, as they are now.</summary>
    private readonly string?[] _told = new string?[Limits.Nodes];
    private MemberBook? _toldOf;
    private int _toldEdition;

    /// <summary>Added nodes are reached where the log says.</summary>
    private void TellAddresses(ICoreOutput output)
    {
        if (_toldOf == _raft.Book && _toldEdition == _raft.Book.Edition)
        {
            return;
        }

        (_toldOf, _toldEdition) = (_raft.Book, _raft.Book.Edition);
        for (var node = 0; node < Limits.Nodes; node++)
        {
            var id = new NodeId((byte)node);
            var address = _raft.Book.Address(id).Span;
            var text = Encoding.ASCII.GetString(address);
            if (text.Length > 0 && id != _options.Self && text != _told[node])
            {
                _told[node] = text;
                output.Peer(id, address);
            }
        }
    }

    /// <summary>
    /// Ok: the change is proposed, <c>Report</c> shows when it is in force. Busy: another one is under way.
    /// </summary>
    private (KvStatus Status, string Text) Carry(in RaftMessage request, NodeId node)
    {
        var member = Newest(node, out var isVoter, out var isMember);
        switch ((RaftAdminKind)request.LogTerm)
        {
            case RaftAdminKind.AddLearner when isMember:
                return (KvStatus.Rejected, $"{node} is a member");
            case RaftAdminKind.AddLearner:
                return Change(default, new NodeNote(node, 0, MayJoin: true, request.Payload),
                    $"{node} becomes a learner as soon as its process asks");
            case RaftAdminKind.Promote when isVoter:
                return (KvStatus.Ok, $"{node} votes");
            case RaftAdminKind.Promote when !isMember:
                return (KvStatus.Rejected, $"{node} is no learner");
            case RaftAdminKind.Promote when !_raft.HasCaughtUp(member):
                return (KvStatus.Busy, $"{node} has not caught up yet");
            case RaftAdminKind.Promote:
                return Change(new[] { new MemberChange(MemberChangeKind.Voter, member) }, null, $"{node} is to vote");
            case RaftAdminKind.Remove when !isMember && !_raft.Book.MayJoin(node):
                return (KvStatus.Ok, $"{node} is no member");
            case RaftAdminKind.Remove when isVoter && _raft.Roster.Configuration.Incoming.Count == 1:
                return (KvStatus.Rejected, $"{node} is the last voter");
            case RaftAdminKind.Remove:
                return Change(Removals(node), new NodeNote(node, 0, MayJoin: false, default), $"{node} is to leave");
            case RaftAdminKind.Transfer when !isVoter:
                return (KvStatus.Rejected, $"{node} has no vote");
            case RaftAdminKind.Transfer:
                return TryTransfer(node)
                    ? (KvStatus.Ok, $"{node} is asked to lead")
                    : (KvStatus.Busy, $"{node} is not heard, or another transfer is under way");
            default:
                return (KvStatus.Rejected, "unknown request");
        }
    }

    /// <summary>Votes for the successor do not wait for a lease, so it ends before the successor is asked.</summary>
    private bool TryTransfer(NodeId node)
    {
        var begun = _raft.TryTransfer(node);
        if (begun && _raft.IsTransferring)
        {
            EndLease();
        }

        return begun;
    }

    private (KvStatus Status, string Text) Change(ReadOnlyMemory<MemberChange> changes, NodeNote? note, string text)
    {
        var change = new ConfigurationChange(Transition.Automatic, changes);
        return !changes.IsEmpty && !_raft.WouldDecide(change)
            ? (KvStatus.Busy, "too few of the voters that would be left are heard")
            : _raft.TryChangeMembers(new MembershipEntry(change, note))
            ? (KvStatus.Ok, text)
            : (KvStatus.Busy, "another change of the members is under way");
    }

    /// <summary>All lives of a node that are members: a former one may still vote.</summary>
    private MemberChange[] Removals(NodeId node)
    {
        var changes = new List<MemberChange>();
        foreach (var slot in _raft.Roster.Configuration.Members)
        {
            if (_raft.Roster[slot].Node == node)
            {
                changes.Add(new MemberChange(MemberChangeKind.Remove, _raft.Roster[slot]));
            }
        }

        return [.. changes];
    }

    private MemberId Newest(NodeId node, out bool isVoter, out bool isMember)
    {
        var newest = new MemberId(node, 0);
        (isVoter, isMember) = (false, false);
        foreach (var slot in _raft.Roster.Configuration.Members)
        {
            var member = _raft.Roster[slot];
            if (member.Node == node)
            {
                isMember = true;
                isVoter |= _raft.Roster.Configuration.Incoming.Contains(slot);
                newest = member.Incarnation > newest.Incarnation ? member : newest;
            }
        }

        return newest;
    }
}
