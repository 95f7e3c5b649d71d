using System.Text;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>Our types in the words of etcd's files.</summary>
internal static class EtcdText
{
    /// <summary>The member that stands for an id of the files; 0 is nobody there as here.</summary>
    public static MemberId Member(ulong id) => new(new NodeId((byte)id), checked((uint)(id >> 8)));

    public static ulong Id(MemberId member) => ((ulong)member.Incarnation << 8) | member.Node.Index;

    public static string Index(ulong index) => index == MajorityQuorum.Everything ? "∞" : $"{index}";

    public static string Result(VoteResult result) => result switch
    {
        VoteResult.Pending => "VotePending",
        VoteResult.Lost => "VoteLost",
        VoteResult.Won => "VoteWon",
        _ => throw new ArgumentOutOfRangeException(nameof(result)),
    };

    public static string Error(ChangeError error) => error switch
    {
        ChangeError.AlreadyJoint => "config is already joint",
        ChangeError.NotJoint => "can't leave a non-joint config",
        ChangeError.SimpleInJoint => "can't apply simple config change in joint config",
        ChangeError.NothingToJoin => "can't make a zero-voter config joint",
        ChangeError.NoVotersLeft => "removed all voters",
        ChangeError.NeedsJoint => "more than one voter changed without entering joint config",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "etcd has no words for it"),
    };

    /// <summary>
    /// Example: <c>voters=(1 2 3)&amp;&amp;(1) learners=(4) learners_next=(2) autoleave</c>.
    /// </summary>
    public static string Configuration(Roster roster, Func<MemberId, ulong>? id = null)
    {
        var configuration = roster.Configuration;
        var text = new StringBuilder($"voters={Set(configuration.Incoming)}");
        text.Append(configuration.IsJoint ? $"&&{Set(configuration.Outgoing)}" : "");
        Part(" learners=", configuration.Learners);
        Part(" learners_next=", configuration.LearnersNext);
        return text.Append(configuration.AutoLeave ? " autoleave" : "").ToString();

        void Part(string name, PeerSet slots)
        {
            text.Append(slots.IsEmpty ? "" : name + Set(slots));
        }

        string Set(PeerSet slots) => $"({string.Join(' ', roster.Of(slots).Select(id ?? Id))})";
    }

    /// <summary>
    /// One line per member, ordered by id. The latest releases also show the commit index that was sent last,
    /// which is 0 for members that were not sent anything.
    /// </summary>
    public static string Progress(MemberTracker tracker, bool withUnsentCommit = false)
    {
        var text = new StringBuilder();
        var configuration = tracker.Roster.Configuration;
        foreach (var member in tracker.Roster.Of(configuration.Members))
        {
            var slot = tracker.Roster.SlotOf(member);
            text.Append(Id(member)).Append(": ");
            var line = Progress(tracker[slot], configuration.Learners.Contains(slot));
            var next = withUnsentCommit ? " commit=0 next=" : " next=";
            text.Append(line.Replace(" next=", next, StringComparison.Ordinal)).Append('\n');
        }

        return text.ToString();
    }

    public static string Progress(in ReplicaProgress progress, bool learner)
    {
        var text = new StringBuilder($"State{progress.State} match={progress.Match} next={progress.Next}");
        text.Append(learner ? " learner" : "").Append(progress.Paused ? " paused" : "");
        text.Append(progress.PendingSnapshot > 0 ? $" pendingSnap={progress.PendingSnapshot}" : "");
        text.Append(progress.RecentlyActive ? "" : " inactive");
        var inFlight = progress.Window.Count;
        return text.Append(inFlight > 0 ? $" inflight={inFlight}" : "")
            .Append(inFlight > 0 && progress.Window.Full ? "[full]" : "").ToString();
    }
}
