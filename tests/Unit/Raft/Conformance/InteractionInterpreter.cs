using System.Text;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Commands of etcd's interaction files, carried out by <see cref="RaftProtocol"/>: nodes 1 to n, and a pool of
/// messages that move when the file says so. Where the two protocols differ by design, the mapping is: a campaign is
/// the election that a leader asks for (no pre-vote, no lease); storage is done at once; a commit index that etcd
/// tells by an empty append is told by a heartbeat; an entry that etcd puts in place of a change it refuses is put
/// here, too; a leader has its first entry committed before it is asked for a change; a snapshot is one message.
/// </summary>
internal sealed class InteractionInterpreter
{
    private readonly List<Node> _nodes = [];
    private readonly List<Sent> _pool = [];

    /// <summary>What every node knows as of its last turn, in etcd's words.</summary>
    public IReadOnlyList<NodeFacts> Facts => [.. _nodes.Select(n => n.Facts)];

    /// <summary>What the command prints, as far as it concerns a node's state; else nothing.</summary>
    public string Run(DataDrivenCase one)
    {
        switch (one.Command)
        {
            case "log-level":
                break;
            case "add-nodes":
                AddNodes(one);
                break;
            case "campaign":
                First(one).Raft.OnTimeoutNow();
                break;
            case "compact":
                First(one).Raft.Log.DropTo(one.Number(one.Arguments[1].Key));
                return First(one).Entries();
            case "raft-log":
                return First(one).Entries();
            case "deliver-msgs":
                Deliver(one);
                break;
            case "process-ready":
                Turn(First(one));
                break;
            case "stabilize":
                Stabilize(one.Arguments.Count == 0 ? _nodes : [.. one.Arguments.Select(a => At(one, a.Key))]);
                break;
            case "status":
                return Status(First(one));
            case "tick-heartbeat":
                First(one).Beat();
                break;
            case "propose":
                return First(one).Raft.Role == RaftRole.Leader ? Propose(First(one), one.Arguments[1].Key)
                    : "raft proposal dropped\n";
            case "propose-conf-change":
                ProposeChange(one);
                break;
            default:
                throw one.UnknownCommand();
        }

        return "";
    }

    private static string Propose(Node node, string data)
    {
        node.Raft.Propose(RaftEntryKind.Put, Encoding.UTF8.GetBytes(data), default);
        return "";
    }

    private static ulong Id(MemberId member) => member.Node.Index;

    private static MemberId Member(ulong id) => new(new NodeId((byte)id), 1);

    private static string Status(Node node)
    {
        var text = new StringBuilder();
        foreach (var member in node.Raft.Roster.Of(node.Raft.Roster.Configuration.Members))
        {
            var slot = node.Raft.Roster.SlotOf(member);
            var learner = node.Raft.Roster.Configuration.Learners.Contains(slot);
            text.Append($"{Id(member)}: {EtcdText.Progress(node.Raft.Progress(slot), learner)}\n");
        }

        return text.ToString();
    }

    private Node At(DataDrivenCase one, string id) => _nodes[(int)one.Number(id) - 1];

    private Node First(DataDrivenCase one) => At(one, one.Arguments[0].Key);

    private void AddNodes(DataDrivenCase one)
    {
        MemberId[] Members(string key) => [.. one.Values(key).Select(v => Member(one.Number(v)))];
        var index = one.Has("index") ? one.Number(one.Values("index")[0]) : 0;
        for (var left = one.Number(one.Arguments[0].Key); left > 0; left--)
        {
            var sane = Roster.TryRestore(
                new RosterRecord { Voters = Members("voters"), Learners = Members("learners") }, out var roster);
            Assert.True(sane);
            _nodes.Add(new Node((byte)(_nodes.Count + 1), index, roster));
        }
    }

    private void Deliver(DataDrivenCase one)
    {
        foreach (var argument in one.Arguments)
        {
            foreach (var dropped in argument.Values)
            {
                _pool.RemoveAll(s => s.To == one.Number(dropped));
            }

            if (argument.Values.Count == 0)
            {
                Receive(At(one, argument.Key));
            }
        }
    }

    private void ProposeChange(DataDrivenCase one)
    {
        var node = First(one);
        Assert.Null(ConfigurationInterpreter.TryChanges(one.Input, out var changes));
        var transition = one.Values("transition") switch
        {
            ["implicit"] => Transition.JointAutoLeave,
            ["explicit"] => Transition.JointExplicit,
            _ => Transition.Automatic,
        };
        var members = changes.Select(c => c with { Member = c.Member with { Incarnation = 1 } }).ToArray();
        if (node.Raft is { Role: RaftRole.Leader, CanServeReads: false } or { Role: RaftRole.Candidate })
        {
            node.Turn(_pool, isSeen: false);
        }

        if (!node.Raft.TryChangeMembers(new MembershipEntry(new ConfigurationChange(transition, members), null))
            && node.Raft.Role == RaftRole.Leader)
        {
            node.Raft.Propose(RaftEntryKind.Nothing, default, default);
        }
    }

    private void Stabilize(List<Node> nodes)
    {
        for (var moved = true; moved;)
        {
            moved = false;
            foreach (var node in nodes)
            {
                moved |= Turn(node);
            }

            foreach (var node in nodes)
            {
                moved |= Receive(node);
            }
        }
    }

    private bool Receive(Node node)
    {
        var messages = _pool.Where(s => s.To == node.Id).ToList();
        _pool.RemoveAll(s => s.To == node.Id);
        messages.ForEach(node.Take);
        return messages.Count > 0;
    }

    /// <summary>What a host does after a batch of inputs; false when there was nothing to do.</summary>
    private bool Turn(Node node)
    {
        var before = node.Facts;
        var sent = _pool.Count;
        node.Turn(_pool);
        return sent != _pool.Count || before != node.Facts;
    }

    /// <summary>A message, or a snapshot with the head of one.</summary>
    private sealed record Sent(ulong To, ulong From, RaftMessage Message, Roster? Roster = null);

    private sealed class Node
    {
        private readonly Dictionary<ulong, ulong> _told = [];
        private long _now;
        private long _sequence;

        public Node(byte id, ulong index, Roster roster)
        {
            Id = id;
            Raft = new RaftProtocol(new RaftOptions
            {
                Self = new NodeId(id), Nodes = 0, Seed = 1, ElectionTimeoutMicros = long.MaxValue / 8,
            });
            Raft.RecoverHardState(0, MemberId.None, 1);
            if (index > 0)
            {
                Assert.True(Raft.Restore(index, 1, roster, new MemberBook(0)));
            }

            Facts = Look();
        }

        public ulong Id { get; }

        public RaftProtocol Raft { get; }

        public NodeFacts Facts { get; private set; }

        public void Beat()
        {
            _now += 50_000;
            Raft.Tick(_now);
        }

        public string Entries()
        {
            var text = new StringBuilder();
            for (var index = Raft.Log.BaseIndex + 1; index <= Raft.Log.LastIndex; index++)
            {
                text.Append(Describe(index)).Append('\n');
            }

            return text.Length > 0 ? text.ToString()
                : $"log is empty: first index={Raft.Log.BaseIndex + 1}, last index={Raft.Log.LastIndex}\n";
        }

        public void Take(Sent sent)
        {
            Raft.Step((int)sent.From, sent.Message);
            if (sent.Roster is not null && Raft.Term == sent.Message.Term)
            {
                Raft.Restore(sent.Message.Index, sent.Message.LogTerm, sent.Roster, new MemberBook(0));
                Raft.AcknowledgeSnapshot((int)sent.From, 1, sent.Message.Index);
            }
        }

        public void Turn(List<Sent> pool, bool isSeen = true)
        {
            Raft.TendMembers();
            Write();
            foreach (var outgoing in Raft.Outbox.Where(o => Raft.IsCurrent(o)))
            {
                pool.Add(new Sent(outgoing.To, Id, outgoing.Message));
            }

            Raft.Outbox.Clear();
            Append(pool);
            while (Raft.Applied < Raft.Commit)
            {
                RaftEntryCodec.TryRead(Raft.Log.Entry(Raft.Applied + 1), out var entry);
                if (entry.Kind == RaftEntryKind.Configuration)
                {
                    Raft.ApplyConfiguration(entry.Value);
                }

                Raft.AppliedNext();
            }

            TellCommit();
            Facts = isSeen ? Look() : Facts;
        }

        /// <summary>Storage that is done at once, and what follows from that in the same breath.</summary>
        private void Write()
        {
            while (Raft.HardStateDirty || Raft.Unwritten <= Raft.Log.LastIndex)
            {
                Raft.Written(new LogSequence(++_sequence));
                Raft.StorageDone(new LogSequence(_sequence));
            }
        }

        private void Append(List<Sent> pool)
        {
            if (Raft.SnapshotTarget() is >= 0 and var target)
            {
                var head = new RaftMessage
                {
                    Kind = RaftMessageKind.SnapshotChunk, Term = Raft.Term, From = 1, To = 1, Index = Raft.Applied,
                    LogTerm = Raft.Log.Term(Raft.Applied),
                };
                Assert.True(Roster.TryRestore(Raft.Roster.ToRecord(), out var roster));
                pool.Add(new Sent(InteractionInterpreter.Id(Raft.Roster[target]), Id, head, roster));
                Raft.SnapshotBegun(target);
            }

            foreach (var slot in Raft.Roster.Configuration.Members)
            {
                while (Raft.TryPlanAppend(slot, out var plan))
                {
                    var entries = new byte[plan.EntryBytes];
                    Raft.Log.CopyTo(entries, plan.First, plan.Last);
                    pool.Add(new Sent(
                        InteractionInterpreter.Id(Raft.Roster[slot]), Id,
                        Raft.AppendHead(slot, plan) with { Entries = entries }));
                }
            }
        }

        /// <summary>A heartbeat's time passes when somebody could be told a higher commit index.</summary>
        private void TellCommit()
        {
            if (Raft.Role != RaftRole.Leader)
            {
                return;
            }

            var news = false;
            foreach (var slot in Raft.Roster.Configuration.Members)
            {
                var id = InteractionInterpreter.Id(Raft.Roster[slot]);
                var known = ulong.Min(Raft.Commit, Raft.Progress(slot).Match);
                news |= id != Id && known > _told.GetValueOrDefault(id, 0UL);
                _told[id] = ulong.Max(known, _told.GetValueOrDefault(id, 0UL));
            }

            if (news)
            {
                Beat();
            }
        }

        private NodeFacts Look()
        {
            var log = new StringBuilder();
            for (var index = Raft.Log.BaseIndex + 1; index <= Raft.Log.LastIndex; index++)
            {
                log.Append(log.Length > 0 ? ", " : "").Append(Describe(index));
            }

            return new NodeFacts
            {
                Role = Raft.Role == RaftRole.Leader ? "StateLeader" : Raft.Role == RaftRole.Candidate ? "StateCandidate"
                    : "StateFollower",
                Lead = ulong.Max(0, (ulong)(Raft.Leader < 0 ? 0 : Raft.Leader)).ToString(),
                Term = Raft.Term.ToString(), Vote = Raft.Vote.Node.Index.ToString(), Commit = Raft.Commit.ToString(),
                Applied = Raft.Applied.ToString(), Log = log.ToString(),
                Members = EtcdText.Configuration(Raft.Roster, InteractionInterpreter.Id),
            };
        }

        private string Describe(ulong index)
        {
            RaftEntryCodec.TryRead(Raft.Log.Entry(index), out var entry);
            if (entry.Kind != RaftEntryKind.Configuration)
            {
                return $"{entry.Term}/{index} EntryNormal \"{Encoding.UTF8.GetString(entry.Key)}\"";
            }

            Assert.True(MembershipEntry.TryRead(entry.Value, out var content));
            var changes = content.Change.Changes.ToArray().Select(
                c => $" {"vrul"[(int)c.Kind]}{InteractionInterpreter.Id(c.Member)}");
            return $"{entry.Term}/{index} EntryConfChange{string.Concat(changes)}";
        }
    }
}
