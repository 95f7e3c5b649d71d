using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>What appends and snapshots make of a follower's log, with the cases of etcd's tests of its log.</summary>
public sealed class FollowerLogTests
{
    /// <summary>On a log of terms 1 2 3: where the append stands, its terms; what the log is then.</summary>
    [Theory]
    [InlineData(3, 3, new ulong[] { }, new ulong[] { 1, 2, 3 }, true)]
    [InlineData(3, 3, new ulong[] { 4 }, new ulong[] { 1, 2, 3, 4 }, true)]
    [InlineData(3, 3, new ulong[] { 4, 4, 4 }, new ulong[] { 1, 2, 3, 4, 4, 4 }, true)]
    [InlineData(2, 2, new ulong[] { 3 }, new ulong[] { 1, 2, 3 }, true)]
    [InlineData(2, 2, new ulong[] { 4 }, new ulong[] { 1, 2, 4 }, true)]
    [InlineData(2, 2, new ulong[] { 3, 4 }, new ulong[] { 1, 2, 3, 4 }, true)]
    [InlineData(1, 1, new ulong[] { 4, 4 }, new ulong[] { 1, 4, 4 }, true)]
    [InlineData(1, 1, new ulong[] { 2 }, new ulong[] { 1, 2, 3 }, true)]
    [InlineData(0, 0, new ulong[] { 1, 2, 3 }, new ulong[] { 1, 2, 3 }, true)]
    [InlineData(0, 0, new ulong[] { 1, 2, 3, 4 }, new ulong[] { 1, 2, 3, 4 }, true)]
    [InlineData(0, 0, new ulong[] { 4 }, new ulong[] { 4 }, true)]
    [InlineData(3, 2, new ulong[] { 4 }, new ulong[] { 1, 2, 3 }, false)]
    [InlineData(3, 4, new ulong[] { 4 }, new ulong[] { 1, 2, 3 }, false)]
    [InlineData(4, 4, new ulong[] { 4 }, new ulong[] { 1, 2, 3 }, false)]
    public void S5_3_an_append_removes_what_conflicts_and_nothing_else(
        ulong previous, ulong previousTerm, ulong[] terms, ulong[] after, bool taken)
    {
        var node = new TestNode(1, 3, TestNode.Log(3, 1, 2, 3));
        node.Receive(0, Append(previous, previousTerm, 0, terms));
        node.Sync();
        var reply = Assert.Single(node.TakeTo(0));
        Assert.Equal((taken, taken ? previous + (ulong)terms.Length : previous), (reply.Yes, reply.Index));
        Assert.Equal(after, Terms(node));
        var again = new TestNode(1, 3, node.Records);
        Assert.Equal(after, Terms(again));
    }

    /// <summary>On a log of terms 1 2 3: what an append or heartbeat says is committed.</summary>
    [Theory]
    [InlineData(2, 2UL, 1UL, 1UL)] // as told
    [InlineData(2, 2UL, 9UL, 2UL)] // not beyond what the append proves to be the leader's
    [InlineData(3, 3UL, 9UL, 3UL)]
    [InlineData(3, 3UL, 0UL, 0UL)]
    public void A_commit_index_counts_as_far_as_the_append_reaches(ulong previous, ulong term, ulong told, ulong commit)
    {
        var node = new TestNode(1, 3, TestNode.Log(3, 1, 2, 3));
        node.Receive(0, Append(previous, term, told));
        Assert.Equal((commit, commit), (node.Raft.Commit, node.Raft.Applied));
        node.Receive(0, Append(previous, term, 0));
        Assert.Equal(commit, node.Raft.Commit);
        node.Receive(0, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 4, Index = 1, Commit = 3 });
        Assert.Equal(ulong.Max(commit, 1), node.Raft.Commit);
    }

    [Fact]
    public void Terms_are_known_from_the_base_on_and_slices_begin_behind_it()
    {
        var log = new EntryLog();
        for (var i = 1UL; i <= 10; i++)
        {
            log.AddCopy(i, TestNode.Entries(i, i));
        }

        log.DropTo(4);
        Assert.Equal((4UL, 4UL, 10UL, 10UL), (log.BaseIndex, log.Term(4), log.LastIndex, log.Term(10)));
        Assert.Throws<InvariantViolation>(() => log.Term(3));
        Assert.Throws<InvariantViolation>(() => log.Term(11));
        Assert.Equal(10UL, log.Fit(5, int.MaxValue, out var all));
        Assert.Equal(log.Bytes, all);
        Assert.Equal(5UL, log.Fit(5, 1, out _));
        var copy = new byte[log.BytesBetween(5, 8)];
        log.CopyTo(copy, 6, 8);
        Assert.True(RaftEntryCodec.IsRun(copy, 5, 5, 10));
        log.TruncateFrom(8);
        Assert.Equal((7UL, 7UL), (log.LastIndex, log.LastTerm));
        log.Reset(20, 9);
        Assert.Equal((20UL, 20UL, 9UL, 0L), (log.BaseIndex, log.LastIndex, log.LastTerm, log.Bytes));
    }

    [Fact]
    public void S7_an_append_that_begins_before_the_snapshot_is_taken_from_there_on()
    {
        var node = Restored(5, 2);
        node.Receive(0, Append(3, 1, 5, 1, 2, 2, 3));
        Assert.Equal((5UL, 7UL), (node.Raft.Log.BaseIndex, node.Raft.Log.LastIndex));
        node.Receive(0, Append(5, 2, 6, 2, 3));
        node.Sync();
        Assert.True(node.TakeTo(0).Last() is { Yes: true, Index: 7 });
    }

    [Fact]
    public void S7_an_older_snapshot_changes_nothing_and_an_equal_one_neither()
    {
        var node = Restored(5, 2);
        Assert.False(node.Raft.Restore(5, 2, node.Raft.Roster, node.Raft.Book));
        Assert.False(node.Raft.Restore(3, 1, Roster.Empty, new MemberBook(0)));
        Assert.Equal((5UL, 5UL, 3), (node.Raft.Commit, node.Raft.Applied, node.Raft.Roster.Configuration.Voters.Count));
    }

    [Fact]
    public void S7_a_snapshot_that_the_log_agrees_with_keeps_what_lies_behind_and_commits_up_to_it()
    {
        var node = new TestNode(1, 3, TestNode.Log(3, 1, 1, 2, 2, 3));
        Assert.True(node.Raft.Restore(3, 2, node.Raft.Roster, node.Raft.Book));
        Assert.Equal((3UL, 3UL, 5UL, 5UL),
            (node.Raft.Commit, node.Raft.Applied, node.Raft.Log.LastIndex, node.Raft.Durable));
    }

    [Fact]
    public void S7_a_snapshot_that_contradicts_what_is_committed_stops_the_process()
    {
        var node = new TestNode(1, 3, TestNode.Log(3, 1, 1, 1));
        node.Receive(0, Append(3, 1, 0, 4));
        node.Receive(0, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 4, Index = 4, Commit = 4 });
        var slow = new TestNode(1, 3, TestNode.Log(3, 1, 1, 1), new RaftOptions
        {
            Self = new NodeId(1), Nodes = 3, Seed = 1, ApplyBytes = 1,
        });
        slow.Core.Receive(Endpoint.Peer(new NodeId(0)), TestNode.Encode(Append(3, 1, 3)), slow);
        var found = Assert.Throws<InvariantViolation>(
            () => slow.Raft.Restore(2, 3, slow.Raft.Roster, slow.Raft.Book));
        Assert.Contains("R4", found.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void S7_a_snapshot_says_whether_this_node_votes_or_learns(bool votes)
    {
        var node = new TestNode(0, 3);
        var change = new MemberChange(MemberChangeKind.Learner, new MemberId(new NodeId(0), 1));
        Assert.Equal(ChangeError.None, ConfigurationChanger.Simple(node.Raft.Roster, [change], out var learner));
        Assert.True(Roster.TryRestore((votes ? node.Raft.Roster : learner).ToRecord(), out var roster));
        Assert.True(node.Raft.Restore(5, 1, roster, node.Raft.Book));
        node.Receive(1, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = 1 });
        node.Advance(3_000_000);
        Assert.Equal(votes, node.Raft.PreVotes > 0);
        Assert.Equal(votes ? "voter" : "learner", node.Figure("part"));
    }

    [Fact]
    public void A_node_does_not_campaign_before_it_has_applied_the_changes_it_knows_to_be_committed()
    {
        var removal = new MemberChange(MemberChangeKind.Remove, new MemberId(new NodeId(1), 1));
        var entry = new MembershipEntry(new ConfigurationChange(Transition.Automatic, new[] { removal }), null);
        var content = new byte[entry.Bytes];
        entry.Write(content);
        var bytes = new byte[RaftEntryCodec.Bytes(RaftEntryKind.Configuration, 0, content.Length)];
        RaftEntryCodec.Write(bytes, 3, 1, RaftEntryKind.Configuration, default, content);
        var node = new TestNode(1, 3, options: new RaftOptions
        {
            Self = new NodeId(1), Nodes = 3, Seed = 1, ApplyBytes = 1,
        });
        var append = new RaftMessage
        {
            Kind = RaftMessageKind.Append, Term = 1, Commit = 3,
            Entries = (byte[])[.. TestNode.Entries(1, 1, 1), .. bytes],
        };
        Assert.True(node.Core.Receive(Endpoint.Peer(new NodeId(0)), TestNode.Encode(append), node));
        Assert.Equal((3UL, 0UL), (node.Raft.Commit, node.Raft.Applied));
        node.Raft.OnTimeoutNow();
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
        node.Core.Flush(node);
        node.Core.Flush(node);
        node.Core.Flush(node);
        Assert.Equal((3UL, 2), (node.Raft.Applied, node.Raft.Roster.Configuration.Voters.Count));
        node.Raft.OnTimeoutNow();
        Assert.Equal(RaftRole.Follower, node.Raft.Role);
    }

    private static TestNode Restored(ulong index, ulong term)
    {
        var node = new TestNode(1, 3);
        Assert.True(node.Raft.Restore(index, term, node.Raft.Roster, node.Raft.Book));
        return node;
    }

    private static ulong[] Terms(TestNode node) =>
        [.. Enumerable.Range(1, (int)node.Raft.Log.LastIndex).Select(i => node.Raft.Log.Term((ulong)i))];

    private static RaftMessage Append(ulong previous, ulong previousTerm, ulong commit, params ulong[] terms) => new()
    {
        Kind = RaftMessageKind.Append, Term = 4, Index = previous, LogTerm = previousTerm, Commit = commit,
        Entries = TestNode.Entries(previous + 1, terms),
    };
}
