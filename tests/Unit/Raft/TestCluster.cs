using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// Some node cores and the messages between them, in virtual time: every message arrives in the same instant
/// unless a test loses or keeps it; disks sync at once. A node that is killed keeps its records only.
/// </summary>
internal sealed class TestCluster
{
    private const long TickMicros = 5_000;

    private readonly TestNode?[] _nodes = new TestNode?[Limits.Nodes];
    private readonly List<(byte, byte[])>[] _disks = new List<(byte, byte[])>[Limits.Nodes];
    private readonly Func<RaftOptions, RaftOptions> _change;
    private ulong _processes;
    private ulong _requests;

    /// <param name="founders">Nodes that begin at once.</param>
    /// <param name="isVolatile">Level memory.</param>
    /// <param name="change">Options besides.</param>
    public TestCluster(int founders, bool isVolatile, Func<RaftOptions, RaftOptions>? change = null)
    {
        (Founders, IsVolatile, _change) = (founders, isVolatile, change ?? (o => o));
        for (var node = 0; node < founders; node++)
        {
            Boot(node);
        }
    }

    public int Founders { get; }

    public bool IsVolatile { get; }

    /// <summary>Says which messages are lost: sender, receiver, message.</summary>
    public Func<int, int, RaftMessage, bool> Loses { get; set; } = (_, _, _) => false;

    /// <summary>A node that stands still: it hears, says and writes nothing; none by default.</summary>
    public int Frozen { get; set; } = -1;

    /// <summary>Sees every message that arrives.</summary>
    public Action<int, int, RaftMessage>? Sees { get; set; }

    /// <summary>Processes that run, with the numbers of their nodes.</summary>
    public IEnumerable<(int Node, TestNode Process)> Alive =>
        Enumerable.Range(0, _nodes.Length).Where(n => _nodes[n] is not null).Select(n => (n, _nodes[n]!));

    /// <summary>The leader of the highest term.</summary>
    public TestNode Leader => LeaderOrNull ?? throw new InvalidOperationException("nobody leads:\n" + this);

    public TestNode? LeaderOrNull =>
        Alive.Select(a => a.Process).Where(p => p.Raft.Role == RaftRole.Leader).MaxBy(p => p.Raft.Term);

    public int LeaderNode => Leader.Options.Self.Index;

    public TestNode this[int node] => _nodes[node] ?? throw new InvalidOperationException($"n{node} is dead");

    public bool IsAlive(int node) => _nodes[node] is not null;

    /// <summary>A new process of a node, with the log that the last one left unless it is volatile.</summary>
    public TestNode Boot(int node, bool amnesia = false)
    {
        Assert.False(IsAlive(node));
        var options = _change(new RaftOptions
        {
            Self = new NodeId((byte)node), Nodes = Founders, Seed = 7, Volatile = IsVolatile, Amnesia = amnesia,
            Nonce = ++_processes * 1_000_003,
        });
        _nodes[node] = new TestNode(node, Founders, IsVolatile || amnesia ? null : _disks[node], options);
        foreach (var (other, process) in Alive.Where(a => a.Node != node))
        {
            _nodes[node]!.LinkUp(other);
            process.LinkUp(node);
        }

        return _nodes[node]!;
    }

    /// <summary>The process is gone, with what it had not sent; the others see their streams break.</summary>
    public void Kill(int node)
    {
        _disks[node] = this[node].Records;
        _nodes[node] = null;
        foreach (var (_, process) in Alive)
        {
            process.LinkDown(node);
        }
    }

    /// <summary>The streams between two nodes break and are there again; what was under way is lost.</summary>
    public void Reconnect(int a, int b)
    {
        Cut(a, b);
        this[a].LinkUp(b);
        this[b].LinkUp(a);
    }

    public void Cut(int a, int b)
    {
        this[a].TakeTo(b);
        this[b].TakeTo(a);
        this[a].LinkDown(b);
        this[b].LinkDown(a);
    }

    /// <summary>Passes messages on until nothing moves.</summary>
    public void Deliver()
    {
        for (var round = 0; Step(); round++)
        {
            Assert.True(round < 2_000, "messages go round for ever:\n" + this);
        }
    }

    /// <summary>Passes on what is under way now; false when nothing is.</summary>
    public bool Step()
    {
        var moved = false;
        foreach (var (node, process) in Alive.Where(a => a.Node != Frozen).ToList())
        {
            moved |= process.SyncIfNeeded();
            foreach (var (endpoint, bytes) in process.Sent.Where(s => s.To.Kind == EndpointKind.Peer).ToList())
            {
                moved = true;
                Assert.True(RaftMessage.TryRead(bytes, out var message));
                // A node's former life may be a member still: what is said to it stays here and is lost.
                if (endpoint.Id != node && endpoint.Id != Frozen && _nodes[endpoint.Id] is { } receiver
                    && !Loses(node, endpoint.Id, message))
                {
                    receiver.ReceiveBytes(node, bytes);
                    Sees?.Invoke(node, endpoint.Id, message);
                }
            }

            process.Sent.RemoveAll(s => s.To.Kind == EndpointKind.Peer);
        }

        return moved;
    }

    public void Run(long micros)
    {
        for (var left = micros; left > 0; left -= TickMicros)
        {
            foreach (var (_, process) in Alive.Where(a => a.Node != Frozen))
            {
                process.Jump(TickMicros);
            }

            Deliver();
        }
    }

    /// <summary>Time passes until the condition holds.</summary>
    public void Until(Func<bool> holds, string what, long withinMicros = 20_000_000)
    {
        for (var left = withinMicros; !holds(); left -= TickMicros)
        {
            Assert.True(left > 0, $"never came: {what}\n{this}");
            Run(TickMicros);
        }
    }

    /// <summary>Like the other, but looks after every step of the messages.</summary>
    public void UntilStep(Func<bool> holds, string what)
    {
        for (var steps = 0; !holds(); steps++)
        {
            Assert.True(steps < 20_000, $"never came: {what}\n{this}");
            if (!Step())
            {
                foreach (var (_, process) in Alive)
                {
                    process.Jump(TickMicros);
                }
            }
        }
    }

    /// <summary>Until somebody leads and could serve.</summary>
    public TestCluster Ready()
    {
        Until(() => LeaderOrNull is { Raft.CanServeReads: true }, "a leader");
        return this;
    }

    public KvStatus Put(string key, string value = "v")
    {
        var number = ++_requests;
        Leader.Request(9, number, KvKind.Put, key, value);
        var process = Leader;
        for (var i = 0; i < 1_000; i++)
        {
            Deliver();
            if (process.TakeAnswers(9).FirstOrDefault(a => a.CorrelationId == number) is { CorrelationId: > 0 } answer)
            {
                return answer.Status;
            }

            Run(TickMicros);
        }

        throw new InvalidOperationException("never answered");
    }

    /// <summary>Until every process has applied what the leader has committed.</summary>
    public void Settle() => Until(
        () => LeaderOrNull is { } l && Alive.All(a => a.Process.Raft.Applied == l.Raft.Commit)
            && l.Raft.Commit == l.Raft.Log.LastIndex,
        "everybody is in step");

    /// <summary>The members in force at a node, such as <c>0.1 1.2 | 2.1</c>: voters, learners.</summary>
    public static string Members(TestNode node)
    {
        var roster = node.Raft.Roster;
        string Of(Testbed.Raft.Membership.PeerSet slots) => string.Join(' ', roster.Of(slots)
            .OrderBy(m => m.Node.Index).ThenBy(m => m.Incarnation).Select(m => $"{m.Node.Index}.{m.Incarnation}"));
        var configuration = roster.Configuration;
        return Of(configuration.Incoming) + (configuration.IsJoint ? " & " + Of(configuration.Outgoing) : "")
            + (configuration.Learners.IsEmpty ? "" : " | " + Of(configuration.Learners));
    }

    /// <summary>A node's state as one text; equal for replicas that hold the same.</summary>
    public static string State(TestNode node)
    {
        var text = new System.Text.StringBuilder();
        node.Store.Scan(default, (key, in header, value) =>
        {
            text.Append(System.Text.Encoding.ASCII.GetString(key)).Append('@').Append(header.Version).Append('=')
                .Append(System.Text.Encoding.ASCII.GetString(value)).Append('\n');
            return true;
        });
        return $"{text}{Members(node)}, sessions {node.Core.Machine.Sessions.Digest():x}";
    }

    public override string ToString() => string.Join('\n', Alive.Select(a =>
        $"n{a.Node}: {a.Process.Raft.Role} {a.Process.Raft.Incarnation} term {a.Process.Raft.Term} "
        + $"commit {a.Process.Raft.Commit} applied {a.Process.Raft.Applied} base {a.Process.Raft.Log.BaseIndex} "
        + $"last {a.Process.Raft.Log.LastIndex} members {Members(a.Process)}"));
}
