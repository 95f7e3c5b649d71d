using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>The node's figures.</summary>
public sealed partial class RaftNodeCore
{
    /// <summary>Entries a node may be behind the known commit index and still count as caught up.</summary>
    private const ulong CaughtUpEntries = 256;

    /// <inheritdoc/>
    public void Report(IStatusSink sink)
    {
        var known = _raft.Leader != RaftProtocol.None;
        sink.Text("role", _raft.Role switch
        {
            RaftRole.Leader => "leader",
            RaftRole.Follower => "follower",
            _ => "candidate",
        });
        sink.Text("leader", known ? new NodeId((byte)_raft.Leader).ToString() : "");
        sink.Gauge("incarnation", _raft.Incarnation);
        sink.Text("part", Part());
        sink.Gauge("ready", known && IsVoter && (_raft.Role != RaftRole.Leader || _raft.CanServeReads) ? 1 : 0);
        sink.Gauge("caught_up", known && IsVoter && _raft.KnownCommit - _raft.Applied <= CaughtUpEntries ? 1 : 0);
        ReportPositions(sink);
        ReportStore(sink);
        ReportSessions(sink);
        sink.Counter("puts", _counters.Puts);
        sink.Counter("gets", _counters.Gets);
        sink.Counter("deletes", _counters.Deletes);
        sink.Counter("compare_and_sets", _compareAndSets);
        sink.Counter("scans", _counters.Scans);
        sink.Counter("not_leader_replies", _counters.NotLeader);
        sink.Counter("busy_replies", _counters.Busy);
        sink.Counter("unknown_replies", _counters.Unknown);
        sink.Counter("elections", _raft.Elections);
        sink.Counter("pre_votes", _raft.PreVotes);
        sink.Counter("leader_changes", _counters.LeaderChanges);
        sink.Counter("read_rounds", _counters.ReadRounds);
        sink.Text("reads", _options.LeaseReads ? "lease" : "index");
        sink.Counter("lease_reads", _leaseReads);
        sink.Counter("log_records", _counters.Records);
        sink.Counter("messages_sent", _counters.MessagesSent);
        sink.Counter("messages_received", _counters.MessagesReceived);
        sink.Counter("appends_sent", _counters.AppendsSent);
        sink.Counter("append_bytes_sent", _counters.AppendBytesSent);
        ReportMembers(sink);
    }

    private bool IsVoter => _raft.Roster.SlotOf(Me) is >= 0 and var slot
        && _raft.Roster.Configuration.Voters.Contains(slot);

    private MemberId Me => new(_options.Self, _raft.Incarnation);

    private string Part() => _raft.Incarnation == 0 ? "joining"
        : _raft.Roster.SlotOf(Me) is not (>= 0 and var slot) ? _raft.Applied == 0 ? "joining" : "removed"
        : _raft.Roster.Configuration.Learners.Contains(slot) ? "learner" : "voter";

    private void ReportMembers(IStatusSink sink)
    {
        var configuration = _raft.Roster.Configuration;
        sink.Text("voters", Names(configuration.Incoming));
        sink.Text("voters_outgoing", Names(configuration.Outgoing));
        sink.Text("learners", Names(configuration.Learners | configuration.LearnersNext));
        sink.Gauge("membership_changing", _raft.IsChanging ? 1 : 0);
        sink.Counter("members_replaced", _raft.Replacements);
        sink.Counter("leader_transfers", _raft.Transfers);
        sink.Counter("stuck_disks", _raft.StuckDisks);
        sink.Counter("snapshots_sent", _counters.SnapshotsSent);
        sink.Counter("snapshot_bytes_sent", _counters.SnapshotBytesSent);
        sink.Counter("snapshots_installed", _counters.SnapshotsInstalled);
        sink.Counter("snapshots_damaged", _counters.SnapshotsDamaged);
        sink.Counter("checkpoints", _counters.Checkpoints);
        sink.Counter("checkpoint_bytes", _counters.CheckpointBytes);
        foreach (var slot in configuration.Members)
        {
            if (_raft.Role == RaftRole.Leader && _raft.Roster[slot] != Me)
            {
                var behind = _raft.Log.LastIndex - ulong.Min(_raft.Log.LastIndex, _raft.Progress(slot).Match);
                sink.Gauge($"lag_entries_{_raft.Roster[slot].Node}", (long)behind);
            }
        }
    }

    private string Names(PeerSet slots) =>
        string.Join(' ', _raft.Roster.Of(slots).Select(member => $"{member.Node}.{member.Incarnation}"));

    private void ReportPositions(IStatusSink sink)
    {
        sink.Gauge("term", (long)_raft.Term);
        sink.Gauge("commit_index", (long)_raft.Commit);
        sink.Gauge("applied_index", (long)_raft.Applied);
        sink.Gauge("last_index", (long)_raft.Log.LastIndex);
        sink.Gauge("durable_index", (long)_raft.Durable);
        sink.Gauge("trim_index", (long)_raft.Trim);
        sink.Gauge("known_commit_index", (long)_raft.KnownCommit);
        sink.Gauge("log_memory_bytes", _raft.Log.Bytes);
        sink.Gauge("log_allocated_bytes", _raft.Log.AllocatedBytes);
        sink.Gauge("uncommitted_bytes", _raft.Role == RaftRole.Leader ? _raft.UncommittedBytes : 0);
        sink.Gauge("pending_writes", _writes.Count);
        sink.Gauge("pending_reads", _reads.Count);
        sink.Gauge("peers_behind_log", _raft.PeersBehindLog());
    }

    private void ReportSessions(IStatusSink sink)
    {
        sink.Gauge("sessions", _machine.Sessions.Count);
        sink.Gauge("session_results", _machine.Sessions.Results);
        sink.Counter("sessions_evicted", _machine.Sessions.Evictions);
        sink.Counter("retries_deduplicated", _machine.Deduplicated);
        sink.Counter("session_expired_replies", _machine.Expired);
    }

    private void ReportStore(IStatusSink sink)
    {
        var bytes = Store.Bytes;
        sink.Gauge("store_keys", bytes.Keys);
        sink.Gauge("store_payload_bytes", bytes.PayloadBytes);
        sink.Gauge("store_key_bytes", bytes.KeyBytes);
        sink.Gauge("store_metadata_bytes", bytes.MetadataBytes);
        sink.Gauge("store_total_bytes", bytes.TotalBytes);
    }
}
