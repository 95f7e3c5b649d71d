using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// Claims of the Raft paper (extended version) on logs and commitment; each test names its section.
/// </summary>
public sealed class PaperLogTests
{
    /// <summary>Figure 7: a leader of term 8 and the follower logs (a) to (f).</summary>
    public static TheoryData<string, ulong[]> Figure7 => new()
    {
        { "a", [1, 1, 1, 4, 4, 5, 5, 6, 6] },
        { "b", [1, 1, 1, 4] },
        { "c", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6] },
        { "d", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7] },
        { "e", [1, 1, 1, 4, 4, 4, 4] },
        { "f", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3] },
    };

    [Theory]
    [MemberData(nameof(Figure7))]
    public void S5_3_a_leader_brings_every_log_of_figure_7_to_its_own(string name, ulong[] terms)
    {
        ulong[] own = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
        var leader = new TestNode(0, 3, TestNode.Log(7, own));
        var follower = new TestNode(1, 3, TestNode.Log(7, terms));
        leader.Elect();
        var refused = Exchange(leader, follower);
        Assert.Equal((11UL, 11UL), (follower.Raft.Log.LastIndex, leader.Raft.Commit));
        for (var i = 1UL; i <= 11; i++)
        {
            Assert.True(
                leader.Raft.Log.Entry(i).SequenceEqual(follower.Raft.Log.Entry(i)), $"({name}) differs at {i}");
        }

        // The end of 5.3: one refused append per conflicting term, not per entry.
        Assert.InRange(refused, 0, 3);
    }

    [Fact]
    public void S5_3_an_entry_is_committed_once_a_majority_holds_it_and_then_answered()
    {
        var node = new TestNode(0, 5);
        node.Elect();
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Receive(1, Accept(2));
        node.Receive(2, Accept(2));
        Assert.Empty(node.TakeAnswers(9));
        node.Receive(3, Accept(2));
        Assert.Equal((2UL, 1UL), (node.Raft.Commit, node.Raft.Durable));
        Assert.Equal(KvStatus.Ok, Assert.Single(node.TakeAnswers(9)).Status);
        Assert.True(node.Store.TryGet("k"u8, out var header, out _) && header.Version == 2);
    }

    [Fact]
    public void S5_3_the_leader_counts_itself_only_when_its_entry_is_durable()
    {
        var node = new TestNode(0, 3);
        node.Elect();
        node.Receive(1, Accept(1));
        node.Request(9, 1, KvKind.Put, "k", "v");
        node.Receive(1, Accept(2));
        Assert.Equal(1UL, node.Raft.Commit);
        node.Sync();
        Assert.Equal(2UL, node.Raft.Commit);
    }

    [Fact]
    public void S5_3_entries_leave_for_the_followers_before_they_are_durable_here()
    {
        var node = new TestNode(0, 3);
        node.Elect();
        node.Receive(1, Accept(1));
        node.TakeTo(1);
        var records = node.Records.Count;
        node.Request(9, 1, KvKind.Put, "k", "v");
        Assert.Equal(records + 1, node.Records.Count);
        var append = Assert.Single(node.TakeTo(1));
        Assert.Equal(RaftMessageKind.Append, append.Kind);
        Assert.True(node.Records[^1].Payload.AsSpan(16).SequenceEqual(append.Entries.Span), "encoded once");
    }

    [Fact]
    public void S5_3_a_follower_acknowledges_only_when_durable_and_applies_what_the_leader_committed()
    {
        var node = new TestNode(1, 3);
        node.Receive(0, Append(1, 0, 0, commit: 1, 1, 1));
        Assert.Empty(node.TakeTo(0));
        Assert.Equal((1UL, 1UL, 2UL), (node.Raft.Commit, node.Raft.Applied, node.Raft.Log.LastIndex));
        node.Sync();
        Assert.True(Assert.Single(node.TakeTo(0)) is { Kind: RaftMessageKind.AppendReply, Yes: true, Index: 2 });
    }

    [Fact]
    public void S5_3_a_follower_refuses_entries_whose_predecessor_it_does_not_hold()
    {
        var node = new TestNode(1, 3, TestNode.Log(3, 1, 1, 3));
        node.Receive(0, Append(4, 5, 4, commit: 0, 4));
        node.Receive(0, Append(4, 3, 2, commit: 0, 4));
        node.Sync();
        var answers = node.TakeTo(0);
        Assert.All(answers, a => Assert.True(a is { Kind: RaftMessageKind.AppendReply, Yes: false }));
        Assert.Equal([(3UL, 3UL), (2UL, 1UL)], answers.Select(a => (a.Hint, a.LogTerm)));
        Assert.Equal(3UL, node.Raft.Log.LastIndex);
    }

    [Fact]
    public void S5_3_a_late_copy_of_an_older_append_removes_nothing()
    {
        var node = new TestNode(1, 3);
        node.Receive(0, Append(1, 0, 0, commit: 0, 1, 1, 1));
        node.Receive(0, Append(1, 0, 0, commit: 0, 1));
        Assert.Equal(3UL, node.Raft.Log.LastIndex);
    }

    [Fact]
    public void S5_3_overruled_entries_are_gone_after_recovery_too_and_their_sync_does_not_count()
    {
        var node = new TestNode(1, 3);
        node.Receive(0, Append(1, 0, 0, commit: 0, 1, 1, 1));
        node.Receive(2, Append(2, 1, 1, commit: 0, 2));
        Assert.Equal((2UL, 0UL), (node.Raft.Log.LastIndex, node.Raft.Durable));
        var firstOnly = node.Records.FindLastIndex(r => r.Type == RaftRecords.Entries);
        node.Core.StorageDone(new LogSequence(firstOnly), node);
        Assert.Equal(1UL, node.Raft.Durable);
        node.Sync();
        Assert.Equal(2UL, node.Raft.Durable);

        var again = new TestNode(1, 3, node.Records);
        Assert.Equal((2UL, 2UL, 2UL), (again.Raft.Log.LastIndex, again.Raft.Log.LastTerm, again.Raft.Term));
    }

    [Fact]
    public void S5_3_a_commit_written_with_a_new_term_never_applies_what_that_term_overruled()
    {
        // One batch: a higher term, a conflicting entry at 1, and the news that the new entry is committed.
        var node = new TestNode(1, 3);
        node.Receive(0, Append(1, 0, 0, commit: 0, 1));
        node.Sync();
        node.Receive(2, Append(2, 0, 0, commit: 1, 2));
        node.Sync();
        for (var kept = 0; kept <= node.Records.Count; kept++)
        {
            var again = new TestNode(1, 3, node.Records.Take(kept));
            Assert.False(again.Store.TryGet("1.1"u8, out _, out _), $"applied after {kept} records");
        }

        Assert.True(node.Store.TryGet("1.2"u8, out _, out _));
    }

    [Fact]
    public void S5_4_2_an_entry_of_an_earlier_term_is_not_committed_by_counting_as_in_figure_8()
    {
        var node = new TestNode(0, 5, TestNode.Log(3, 1, 2));
        node.Elect();
        node.Receive(1, Accept(2, term: 4));
        node.Receive(2, Accept(2, term: 4));
        Assert.Equal(0UL, node.Raft.Commit);
        node.Receive(1, Accept(3, term: 4));
        node.Receive(2, Accept(3, term: 4));
        Assert.Equal(3UL, node.Raft.Commit);
    }

    [Fact]
    public void S5_4_3_an_append_that_contradicts_a_committed_entry_stops_the_process()
    {
        var node = new TestNode(1, 3);
        node.Receive(0, Append(1, 0, 0, commit: 2, 1, 1));
        var found = Assert.Throws<InvariantViolation>(() => node.Receive(2, Append(2, 1, 1, commit: 0, 2)));
        Assert.Contains("R4", found.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Passes messages between the two until nothing moves; returns how many appends were refused.
    /// </summary>
    private static int Exchange(TestNode leader, TestNode follower)
    {
        var refused = 0;
        for (var round = 0; round < 60; round++)
        {
            foreach (var message in leader.TakeTo(1))
            {
                follower.Receive(0, message);
            }

            follower.Sync();
            foreach (var message in follower.TakeTo(0))
            {
                refused += message is { Kind: RaftMessageKind.AppendReply, Yes: false } ? 1 : 0;
                leader.Receive(1, message);
            }
        }

        return refused;
    }

    private static RaftMessage Accept(ulong index, ulong term = 1) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = term, Yes = true, Index = index };

    private static RaftMessage Append(
        ulong term, ulong previous, ulong previousTerm, ulong commit, params ulong[] terms) =>
        new()
        {
            Kind = RaftMessageKind.Append, Term = term, Index = previous, LogTerm = previousTerm, Commit = commit,
            Entries = TestNode.Entries(previous + 1, terms),
        };
}
