using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Claims of the Raft paper (extended version) on snapshots and clients: sections 7 and 8.</summary>
public sealed class PaperSnapshotTests
{
    [Fact]
    public void S7_each_server_takes_snapshots_on_its_own_and_discards_the_log_before()
    {
        var cluster = new TestCluster(3, isVolatile: false, o => o with
        {
            CheckpointBytes = 1_000, CheckpointStoreTimes = 0,
        }).Ready();
        for (var i = 0; i < 80; i++)
        {
            cluster.Put($"k{i % 4}", $"value {i}");
        }

        cluster.Settle();
        Assert.All(cluster.Alive, a => Assert.NotEmpty(a.Process.Releases));
        Assert.All(cluster.Alive, a => Assert.NotEqual("0", a.Process.Figure("checkpoints")));
        Assert.All(cluster.Alive, a => Assert.Equal("0", a.Process.Figure("snapshots_installed")));
    }

    [Fact]
    public void S7_a_snapshot_holds_last_index_and_term_so_that_the_next_append_can_be_checked()
    {
        var (cluster, follower) = SnapshotTests.Behind();
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Until(() => cluster[follower].Figure("snapshots_installed") == "1", "installed");
        var log = cluster[follower].Raft.Log;
        Assert.Equal(cluster.Leader.Raft.Term, log.BaseTerm);
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
        cluster.Settle();
        Assert.Equal(cluster.Leader.Raft.Log.LastIndex, log.LastIndex);
    }

    [Fact]
    public void S7_a_new_server_is_brought_up_by_a_snapshot()
    {
        var cluster = new TestCluster(3, isVolatile: false, o => o with { RetainedLogBytes = 0 }).Ready();
        for (var i = 0; i < 20; i++)
        {
            cluster.Put($"k{i}");
        }

        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        cluster.Settle();
        Assert.Equal("1", cluster[3].Figure("snapshots_installed"));
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[3]));
    }

    [Fact]
    public void S8_a_write_that_is_sent_again_is_carried_out_once_even_by_another_leader_and_after_a_snapshot()
    {
        var cluster = new TestCluster(3, isVolatile: true, o => o with { RetainedLogBytes = 0 }).Ready();
        var session = Open(cluster);
        Assert.Equal(KvStatus.Ok, Swap(cluster, session, 1, "k", null, "a"));
        Assert.Equal(KvStatus.Ok, Swap(cluster, session, 2, "k", "a", "b"));
        for (var node = 0; node < 3; node++)
        {
            cluster.Kill(node);
            cluster.Boot(node);
            cluster.Until(() => cluster[node].Figure("part") == "voter", "it votes again");
            cluster.Ready();

            // Carried out again it would fail: the key no longer holds what it expects.
            Assert.Equal(KvStatus.Ok, Swap(cluster, session, 2, "k", "a", "b"));
        }

        Assert.Equal(KvStatus.PreconditionFailed, Swap(cluster, session, 3, "k", "a", "c"));
        cluster.Settle();
        Assert.All(cluster.Alive, a =>
        {
            Assert.True(a.Process.Store.TryGet("k"u8, out _, out var value));
            Assert.Equal("b"u8.ToArray(), value.ToArray());
        });
    }

    [Fact]
    public void A_compare_and_set_that_expects_absence_is_another_than_one_that_expects_an_empty_value()
    {
        var cluster = new TestCluster(1, isVolatile: false).Ready();
        var session = Open(cluster);
        Assert.Equal(KvStatus.PreconditionFailed, Swap(cluster, session, 1, "k", "", "a"));
        Assert.Equal(KvStatus.Ok, Swap(cluster, session, 2, "k", null, ""));
        Assert.Equal(KvStatus.PreconditionFailed, Swap(cluster, session, 3, "k", null, "b"));
        Assert.Equal(KvStatus.Ok, Swap(cluster, session, 4, "k", "", "b"));
    }

    [Fact]
    public void S8_a_leader_that_was_deposed_without_knowing_serves_no_read()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Put("k", "old");
        var (stale, node) = (cluster.Leader, cluster.LeaderNode);
        cluster.Loses = (from, to, _) => from == node || to == node;
        cluster.Until(
            () => cluster.Alive.Any(a => a.Node != node && a.Process.Raft.Role == RaftRole.Leader), "another");
        stale.Request(9, 1, KvKind.Get, "k");
        Assert.Equal(KvStatus.Ok, cluster.Put("k", "new"));
        cluster.Deliver();
        Assert.DoesNotContain(stale.TakeAnswers(9), a => a.Status == KvStatus.Ok);
        cluster.Run(1_000_000);
        Assert.NotEqual(RaftRole.Leader, stale.Raft.Role);
    }

    [Fact]
    public void S8_a_read_waits_for_the_new_leaders_first_entry_and_then_sees_what_earlier_leaders_committed()
    {
        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Put("k", "v");
        cluster.Settle();
        var next = (cluster.LeaderNode + 1) % 3;
        cluster.Loses = (from, _, m) => from == next && m.Kind == RaftMessageKind.Append;
        cluster.Leader.Admin(RaftAdminKind.Transfer, next);
        cluster.Deliver();
        var leader = cluster[next];
        leader.Request(9, 1, KvKind.Get, "k");
        cluster.Run(100_000);
        Assert.Equal(RaftRole.Leader, leader.Raft.Role);
        Assert.Empty(leader.TakeAnswers(9));
        cluster.Loses = (_, _, _) => false;
        cluster.Until(() => leader.Sent.Any(s => s.To.Kind == EndpointKind.Client), "the answer");
        Assert.Equal(KvStatus.Ok, Assert.Single(leader.TakeAnswers(9)).Status);
    }

    [Fact]
    public void S8_a_leader_alone_confirms_itself_and_learners_confirm_nothing()
    {
        var alone = new TestCluster(1, isVolatile: false).Ready();
        alone.Leader.Request(9, 1, KvKind.Get, "k");
        Assert.Equal(KvStatus.NotFound, Assert.Single(alone.Leader.TakeAnswers(9)).Status);

        var cluster = new TestCluster(3, isVolatile: false).Ready();
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 3);
        cluster.Boot(3);
        cluster.Until(() => cluster[3].Figure("part") == "learner", "a learner");
        cluster.Settle();
        var node = cluster.LeaderNode;
        cluster.Loses = (from, to, _) => to == node && from != 3;
        cluster.Leader.TakeAnswers(9);
        cluster.Leader.Request(9, 2, KvKind.Get, "k");
        cluster.Run(100_000);
        Assert.Empty(cluster[node].TakeAnswers(9));
        cluster.Loses = (_, _, _) => false;
        cluster.Run(100_000);
        Assert.Single(cluster[node].TakeAnswers(9));
    }

    private static ulong Open(TestCluster cluster)
    {
        byte[] nonce = [9, 2, 3, 4, 5, 6, 7, 8];
        var answer = Ask(cluster, new KvRequest(70, KvKind.OpenSession, default, nonce, 0, 0));
        return BitConverter.ToUInt64(answer.Value.Span);
    }

    private static KvStatus Swap(
        TestCluster cluster, ulong session, ulong sequence, string key, string? old, string value) =>
        Ask(cluster, new KvRequest(80 + sequence, KvKind.CompareAndSet, Bytes(key), Bytes(value), 0, 0)
        {
            Stamp = new SessionStamp(session, sequence, sequence), ExpectsValue = old is not null,
            Expected = Bytes(old ?? ""),
        }).Status;

    private static byte[] Bytes(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    private static KvReply Ask(TestCluster cluster, KvRequest request)
    {
        var bytes = new byte[request.MaxBytes];
        var leader = cluster.Leader;
        Assert.True(leader.Core.Receive(Endpoint.Client(9), bytes.AsMemory(0, request.Write(bytes)), leader));
        leader.Core.Flush(leader);
        for (var i = 0; i < 100; i++)
        {
            cluster.Run(10_000);
            if (leader.TakeAnswers(9) is { Count: > 0 } answers)
            {
                return Assert.Single(answers);
            }
        }

        throw new InvalidOperationException("never answered");
    }
}
