using Testbed.Raft.Membership;
using Testbed.Tests.Unit.Raft.Conformance;

namespace Testbed.Tests.Unit.Raft.Membership;

/// <summary>How a leader follows one member's log: probing, replicating, waiting for a snapshot.</summary>
public sealed class ReplicaProgressTests
{
    [Theory]
    [InlineData(2, 3, 5, false)] // old news
    [InlineData(3, 3, 5, false)]
    [InlineData(4, 4, 5, true)] // what is on its way stays on its way
    [InlineData(5, 5, 6, true)]
    [InlineData(9, 9, 10, true)]
    public void An_acknowledgement_moves_forward_only(ulong index, ulong match, ulong next, bool news)
    {
        var progress = At(ReplicationState.Probe, 3, 5);
        progress.ProbeSent = true;
        Assert.Equal(news, progress.Acknowledge(index));
        Assert.Equal((match, next), (progress.Match, progress.Next));
        Assert.Equal(!news, progress.ProbeSent);
    }

    [Theory]
    [InlineData(ReplicationState.Replicate, 5, 10, 5, 5, false, 10)] // settled since
    [InlineData(ReplicationState.Replicate, 5, 10, 4, 4, false, 10)]
    [InlineData(ReplicationState.Replicate, 5, 10, 9, 9, true, 6)]
    [InlineData(ReplicationState.Probe, 0, 0, 0, 0, false, 0)] // nothing was asked
    [InlineData(ReplicationState.Probe, 0, 10, 5, 5, false, 10)] // another probe's answer
    [InlineData(ReplicationState.Probe, 0, 10, 9, 9, true, 9)]
    [InlineData(ReplicationState.Probe, 0, 2, 1, 1, true, 1)]
    [InlineData(ReplicationState.Probe, 0, 1, 0, 0, true, 1)] // never below the first entry
    [InlineData(ReplicationState.Probe, 0, 10, 9, 2, true, 3)] // behind what the member holds
    [InlineData(ReplicationState.Probe, 0, 10, 9, 0, true, 1)]
    public void S5_3_a_refusal_moves_back_once_and_a_stale_one_not_at_all(
        object state, ulong match, ulong next, ulong rejected, ulong last, bool genuine, ulong then)
    {
        var progress = At((ReplicationState)state, match, next);
        progress.ProbeSent = true;
        Assert.Equal(genuine, progress.Reject(rejected, last));
        Assert.Equal((match, then), (progress.Match, progress.Next));
        if ((ReplicationState)state == ReplicationState.Probe)
        {
            Assert.Equal(!genuine, progress.ProbeSent);
        }
    }

    [Fact]
    public void Appends_pause_after_a_probe_at_a_full_window_and_during_a_snapshot()
    {
        var progress = At(ReplicationState.Probe, 0, 1);
        Assert.False(progress.Paused);
        progress.ProbeSent = true;
        Assert.True(progress.Paused);

        progress.BecomeReplicate();
        Assert.False(progress.Paused);
        progress.Window.Add(1, 10);
        Assert.False(progress.Paused);
        progress.Window.Add(2, 10);
        Assert.True(progress.Paused);
        progress.Window.Acknowledge(1);
        Assert.False(progress.Paused);

        progress.BecomeSnapshot(9);
        Assert.Equal((true, 0), (progress.Paused, progress.Window.Count));
    }

    [Theory]
    [InlineData(ReplicationState.Replicate, 0, 2)]
    [InlineData(ReplicationState.Probe, 0, 2)]
    [InlineData(ReplicationState.Snapshot, 10, 11)] // it arrived: ask behind it
    [InlineData(ReplicationState.Snapshot, 0, 2)] // it failed
    public void Probing_begins_behind_what_matches_or_behind_a_snapshot_that_arrived(
        object state, ulong snapshot, ulong next)
    {
        var progress = At((ReplicationState)state, 1, 5);
        if ((ReplicationState)state == ReplicationState.Snapshot)
        {
            progress.BecomeSnapshot(snapshot == 0 ? 10 : snapshot);
        }

        if (snapshot == 0)
        {
            progress.SnapshotFailed();
        }

        progress.BecomeProbe();
        Assert.Equal((ReplicationState.Probe, 1UL, next), (progress.State, progress.Match, progress.Next));
        Assert.Equal((0UL, false), (progress.PendingSnapshot, progress.Paused));
    }

    [Fact]
    public void A_member_that_begins_anew_keeps_nothing_of_the_one_before()
    {
        var progress = At(ReplicationState.Replicate, 5, 9);
        progress.Window.Add(8, 10);
        progress.RecentlyActive = false;
        progress.Begin(3);
        Assert.Equal((0UL, 3UL, 0), (progress.Match, progress.Next, progress.Window.Count));
        Assert.Equal("StateProbe match=0 next=3", EtcdText.Progress(progress, learner: false));
    }

    [Fact]
    public void Everything_known_of_a_member_shows_in_etcds_words()
    {
        var progress = new ReplicaProgress(1, long.MaxValue);
        progress.Begin(2);
        progress.Acknowledge(1);
        progress.BecomeSnapshot(123);
        progress.Window.Add(123, 1);
        progress.RecentlyActive = false;
        Assert.Equal(
            "StateSnapshot match=1 next=2 learner paused pendingSnap=123 inactive inflight=1[full]",
            EtcdText.Progress(progress, learner: true));
    }

    private static ReplicaProgress At(ReplicationState state, ulong match, ulong next)
    {
        var progress = new ReplicaProgress(2, long.MaxValue);
        progress.Begin(next);
        if (match > 0)
        {
            progress.Acknowledge(match);
        }

        switch (state)
        {
            case ReplicationState.Replicate:
                progress.BecomeReplicate();
                break;
            case ReplicationState.Snapshot:
                progress.BecomeSnapshot(1);
                break;
            default:
                break;
        }

        if (next > 0)
        {
            progress.SentUpTo(next - 1);
        }

        return progress;
    }
}
