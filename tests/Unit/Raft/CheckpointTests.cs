using CsCheck;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Checkpoints in the log, what is released before them, and what a restart makes of the rest.</summary>
public sealed class CheckpointTests
{
    [Fact]
    public void A_log_is_released_when_it_has_grown_by_the_limit_and_by_its_share_of_the_store()
    {
        var node = Single(o => o with { CheckpointBytes = 5_000 });
        Put(node, 400, keys: 4);
        Assert.InRange(int.Parse(node.Figure("checkpoints")), 2, 12);
        Assert.NotEmpty(node.Releases);
        Assert.InRange(node.Records.Count - node.Releases[^1].Released, 1, 200);

        var large = Single(o => o with { CheckpointBytes = 5_000, CheckpointStoreTimes = 1_000 });
        Put(large, 400, keys: 4);
        Assert.Equal("0", large.Figure("checkpoints"));
    }

    [Fact]
    public void Writes_are_answered_while_a_checkpoint_is_written_piece_by_piece()
    {
        var node = Single(o => o with { CheckpointBytes = 3_000, CheckpointBatchBytes = 1 });
        Put(node, 120, keys: 30);
        Assert.Contains(node.Records, r => r.Type == RaftRecords.Snapshot);
        var between = node.Records.SkipWhile(r => r.Type != RaftRecords.Snapshot).ToList();
        var firstEntries = between.FindIndex(r => r.Type == RaftRecords.Entries);
        Assert.InRange(firstEntries, 0, between.FindLastIndex(r => r.Type == RaftRecords.Snapshot));
    }

    [Fact]
    public void A_node_recovered_from_what_was_kept_equals_one_recovered_from_everything_wherever_it_is_torn()
    {
        var node = Single(o => o with { CheckpointBytes = 2_000, CheckpointBatchBytes = 300 });
        Put(node, 150, keys: 12);
        Assert.True(node.Releases.Count > 2);
        for (var durable = 0; durable <= node.Records.Count; durable++)
        {
            CheckSame(node, durable);
        }
    }

    [Fact]
    public void What_is_kept_suffices_over_many_restarts_torn_anywhere() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 20], Gen.Int[200, 4_000]).Sample((seed, keys, limit) =>
        {
            var random = new SplitMix64(seed);
            RaftOptions Change(RaftOptions o) => o with
            {
                CheckpointBytes = limit, CheckpointBatchBytes = 1 + (int)random.Below(900),
            };
            var node = Single(Change);
            for (var life = 0; life < 5; life++)
            {
                Put(node, 10 + (int)random.Below(60), keys);
                var durable = node.Records.Count - (int)random.Below(int.Min(10, node.Records.Count));
                CheckSame(node, durable);
                var gone = node.ReleasedAt(durable);
                var kept = node.Records.Take(durable).Skip((int)random.Below(gone + 1)).ToList();
                node = Recovered(kept, Change(Options()), released: durable - kept.Count);
                Lead(node);
            }
        }, iter: 40);

    [Fact]
    public void Term_vote_and_incarnation_survive_the_release_of_their_record()
    {
        var node = new TestNode(0, 3, options: Options() with { Nodes = 3, CheckpointBytes = 500 });
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7 });
        for (var i = 0UL; i < 40; i++)
        {
            node.Receive(1, new RaftMessage
            {
                Kind = RaftMessageKind.Append, Term = 7, Index = i, LogTerm = i == 0 ? 0UL : 7, Commit = i + 1,
                Entries = TestNode.Entries(i + 1, 7),
            });
            node.Sync();
        }

        var gone = node.ReleasedAt(node.Records.Count);
        Assert.True(gone > 10);
        var again = new TestNode(0, 3, node.Records.Skip(gone));
        Assert.Equal((7UL, node.Raft.Vote, 1U), (again.Raft.Term, again.Raft.Vote, again.Raft.Incarnation));
        Assert.Equal(1, again.Raft.Vote.Node.Index);
        again.Receive(2, new RaftMessage { Kind = RaftMessageKind.Vote, Term = 7, Index = 90, LogTerm = 7 });
        again.Sync();
        Assert.False(Assert.Single(again.TakeTo(2)).Yes);
    }

    [Fact]
    public void Members_and_sessions_come_back_from_a_checkpoint()
    {
        var cluster = new TestCluster(3, isVolatile: false, o => o with
        {
            CheckpointBytes = 1_000, CheckpointStoreTimes = 0,
        }).Ready();
        var open = new KvRequest(1, KvKind.OpenSession, default, new byte[8], 0, 0);
        var bytes = new byte[open.MaxBytes];
        cluster.Leader.Core.Receive(Endpoint.Client(9), bytes.AsMemory(0, open.Write(bytes)), cluster.Leader);
        cluster.Deliver();
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        for (var i = 0; i < 60; i++)
        {
            cluster.Put($"k{i % 3}", $"value {i}");
        }

        cluster.Settle();
        foreach (var (node, process) in cluster.Alive)
        {
            var gone = process.ReleasedAt(process.Records.Count);
            Assert.True(gone > 0, $"n{node} released nothing");
            var again = new TestNode(node, 3, process.Records.Skip(gone), process.Options);
            Assert.Equal(process.Raft.Incarnation, again.Raft.Incarnation);
            Assert.True(again.Raft.Applied + 2 >= process.Raft.Applied);
            if (again.Raft.Applied == process.Raft.Applied)
            {
                Assert.Equal(TestCluster.State(process), TestCluster.State(again));
            }

            Assert.Equal(TestCluster.Members(process), TestCluster.Members(again));
            Assert.Equal(process.Core.Machine.Sessions.Digest(), again.Core.Machine.Sessions.Digest());
        }
    }

    [Fact]
    public void An_installed_snapshot_releases_the_log_before_it()
    {
        var (cluster, follower) = SnapshotTests.Behind();
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        var process = cluster[follower];
        Assert.NotEmpty(process.Releases);
        for (var durable = 0; durable <= process.Records.Count; durable++)
        {
            CheckSame(process, durable);
        }
    }

    [Fact]
    public void A_checkpoint_and_a_snapshot_from_the_leader_never_mix_in_the_log()
    {
        var (cluster, follower) = SnapshotTests.Behind(
            o => o with
            {
                CheckpointBytes = 1_500, CheckpointBatchBytes = 1, SnapshotWindowChunks = 1, CheckpointStoreTimes = 0,
            });
        var process = cluster[follower];

        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        for (var i = 0UL; !IsInTheMiddle(); i++)
        {
            Assert.True(i < 2_000, "no checkpoint");
            cluster.Leader.Request(8, i, KvKind.Put, $"k{i % 30}", new string('y', 50));
            cluster.UntilStep(
                () => IsInTheMiddle() || process.Raft.Applied + 1 >= cluster.Leader.Raft.Log.LastIndex, "in step");
        }

        // The leader's pieces begin while the follower's own are being written.
        cluster.Frozen = follower;
        cluster.Cut(cluster.LeaderNode, follower);
        for (var i = 0; i < 20; i++)
        {
            cluster.Put($"k{i % 30}", new string('w', 50));
        }

        Assert.True(IsInTheMiddle());
        cluster.Frozen = -1;
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal("2", process.Figure("snapshots_installed"));
        for (var durable = 0; durable <= process.Records.Count; durable++)
        {
            CheckSame(process, durable);
        }

        bool IsInTheMiddle()
        {
            var pieces = process.Records.AsEnumerable().Reverse().TakeWhile(r => r.Type != RaftRecords.HardState)
                .Where(r => r.Type == RaftRecords.Snapshot).Select(r => r.Payload).ToList();
            return pieces.Count > 0 && pieces[0][20 + 8] != 3;
        }
    }

    [Fact]
    public void At_level_memory_nothing_is_written_for_recovery()
    {
        var node = new TestNode(0, 1, options: Options() with { Volatile = true, Nonce = 5, CheckpointBytes = 100 });
        Lead(node);
        Put(node, 100, keys: 3);
        Assert.DoesNotContain(node.Records, r => r.Type == RaftRecords.Snapshot);
        Assert.Empty(node.Releases);
    }

    private static RaftOptions Options() => new()
    {
        Self = new NodeId(0), Nodes = 1, Seed = 1, RetainedLogBytes = 2_000, SnapshotChunkBytes = 250,
        CheckpointStoreTimes = 0,
    };

    private static TestNode Single(Func<RaftOptions, RaftOptions> change)
    {
        var node = new TestNode(0, 1, options: change(Options()));
        Lead(node);
        return node;
    }

    private static TestNode Recovered(List<(byte, byte[])> kept, RaftOptions options, int released) =>
        new(options.Self.Index, options.Nodes, kept, options, released);

    private static void Lead(TestNode node)
    {
        while (node.Raft.Role != RaftRole.Leader || !node.Raft.CanServeReads)
        {
            node.Advance(10_000);
            node.Sync();
        }
    }

    private static void Put(TestNode node, int puts, int keys)
    {
        for (var i = 0; i < puts; i++)
        {
            node.Request(9, (ulong)i + 1, KvKind.Put, $"key{i % keys}", $"value {i} of {node.Raft.Log.LastIndex}");
            node.Sync();
        }
    }

    /// <summary>A crash that leaves so many records: with and without what was released by then.</summary>
    private static void CheckSame(TestNode node, int durable)
    {
        var whole = Recovered(node.Records.Take(durable).ToList(), node.Options, 0);
        var gone = node.ReleasedAt(durable);
        var kept = Recovered(node.Records.Take(durable).Skip(gone).ToList(), node.Options, gone);
        Assert.Equal(Known(whole.Raft), Known(kept.Raft));
        Assert.Equal(TestCluster.State(whole), TestCluster.State(kept));
    }

    private static string Known(RaftProtocol raft) =>
        $"term {raft.Term} vote {raft.Vote} life {raft.Incarnation} last {raft.Log.LastTerm}/{raft.Log.LastIndex} "
        + $"commit {raft.Commit} applied {raft.Applied}";
}
