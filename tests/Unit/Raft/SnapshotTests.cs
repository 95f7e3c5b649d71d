using System.Text;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Raft.Snapshots;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Snapshots on their way from a leader to a member.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void A_member_that_needs_dropped_entries_gets_the_state_and_then_the_rest_of_the_log()
    {
        var (cluster, follower) = Behind();
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal("1", cluster[follower].Figure("snapshots_installed"));
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
        Assert.Equal(KvStatus.Ok, cluster.Put("next"));
        cluster.Settle();
        Assert.Equal("1", cluster.Leader.Figure("snapshots_sent"));
    }

    [Fact]
    public void Sessions_members_and_the_book_of_nodes_are_in_it()
    {
        var (cluster, follower) = Behind();
        var open = new KvRequest(1, KvKind.OpenSession, default, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 0, 0);
        var bytes = new byte[open.MaxBytes];
        var message = bytes.AsMemory(0, open.Write(bytes));
        Assert.True(cluster.Leader.Core.Receive(Endpoint.Client(9), message, cluster.Leader));
        cluster.Deliver();
        cluster.Leader.Admin(RaftAdminKind.AddLearner, 5);
        cluster.Deliver();
        cluster.Put("last");
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal("1", cluster[follower].Figure("snapshots_installed"));
        Assert.Equal("1", cluster[follower].Figure("sessions"));
        Assert.True(cluster[follower].Raft.Book.MayJoin(new NodeId(5)));
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void A_store_that_changes_meanwhile_gives_the_picture_of_the_moment()
    {
        var (cluster, follower) = Behind(o => o with { SnapshotWindowChunks = 1 });
        var (leader, process) = (cluster.Leader, cluster[follower]);
        cluster.Loses = (from, to, m) => (from == follower || to == follower) && m.Kind == RaftMessageKind.Append;
        var picture = TestCluster.State(leader);
        var index = leader.Raft.Applied;
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Loses = (_, _, _) => false;
        for (var i = 0; process.Figure("snapshots_installed") == "0"; i++)
        {
            Assert.True(i < 10_000);
            var (kind, value) = i % 3 == 0 ? (KvKind.Delete, "") : (KvKind.Put, $"new{i}");
            leader.Request(9, (ulong)i + 1_000, kind, $"k{i % 30}", value);
            cluster.Step();
            if (process.Figure("snapshots_installed") != "0")
            {
                break;
            }
        }

        Assert.True(leader.Raft.Applied > index + 5, "the store did change");
        Assert.Equal(index, process.Raft.Log.BaseIndex);
        Assert.Equal(picture, TestCluster.State(process));
        cluster.Settle();
        Assert.Equal(TestCluster.State(leader), TestCluster.State(process));
    }

    [Fact]
    public void Pieces_that_come_twice_or_too_early_change_nothing_and_are_answered_with_what_is_there()
    {
        var (pieces, index) = Pieces();
        var node = new TestNode(1, 3);
        Assert.Equal(1UL, Give(node, pieces[0]));
        Assert.Equal(1UL, Give(node, pieces[0]));
        Assert.Equal(1UL, Give(node, pieces[2]));
        Assert.Equal(2UL, Give(node, pieces[1]));
        Assert.Equal(2UL, Give(node, pieces[0]));
        foreach (var piece in pieces.Skip(2))
        {
            Assert.Equal(0UL, node.Raft.Applied);
            node.Receive(0, piece);
        }

        Assert.Equal(index, node.Raft.Applied);
        Assert.Equal("1", node.Figure("snapshots_installed"));
        node.Receive(0, pieces[^1]);
        node.Receive(0, pieces[0]);
        node.Sync();
        Assert.Contains(node.TakeTo(0), m => m is { Kind: RaftMessageKind.AppendReply, Yes: true } && m.Index == index);
        Assert.Equal("1", node.Figure("snapshots_installed"));
    }

    [Fact]
    public void The_whole_is_acknowledged_only_when_it_is_durable()
    {
        var (pieces, index) = Pieces();
        var node = new TestNode(1, 3);
        pieces.ForEach(p => node.Receive(0, p));
        Assert.Equal(index, node.Raft.Applied);
        Assert.DoesNotContain(node.TakeTo(0), m => m.Kind == RaftMessageKind.AppendReply);
        Assert.True(node.Raft.Durable < index);
        node.Sync();
        Assert.Contains(node.TakeTo(0), m => m is { Kind: RaftMessageKind.AppendReply, Yes: true } && m.Index == index);
        Assert.Equal(index, node.Raft.Durable);
    }

    [Fact]
    public void A_damaged_piece_makes_the_whole_worthless_and_it_begins_anew()
    {
        var (pieces, index) = Pieces();
        for (var damaged = 0; damaged < pieces.Count; damaged++)
        {
            var node = new TestNode(1, 3);
            for (var i = 0; i < damaged; i++)
            {
                Give(node, pieces[i]);
            }

            var bytes = pieces[damaged].Payload.ToArray();
            bytes[bytes.Length / 2] ^= 4;
            Assert.Equal(0UL, Give(node, pieces[damaged] with { Payload = bytes }));
            Assert.Equal("1", node.Figure("snapshots_damaged"));
            Assert.Equal(0UL, node.Raft.Applied);
            pieces.ForEach(p => node.Receive(0, p));
            Assert.Equal(index, node.Raft.Applied);
        }
    }

    [Fact]
    public void A_leader_begins_anew_when_the_member_has_forgotten_pieces()
    {
        var (cluster, follower) = Behind();
        var damaged = 0;
        cluster.Sees = (_, to, m) =>
        {
            // The follower says once that it holds nothing although it had acknowledged pieces.
            if (to == cluster.LeaderNode && m.Kind == RaftMessageKind.SnapshotReply && m.Hint == 5 && damaged++ == 0)
            {
                cluster.Leader.Receive(follower, m with { Hint = 0 });
            }
        };
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal("2", cluster.Leader.Figure("snapshots_sent"));
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void A_broken_link_resumes_where_it_was()
    {
        var (cluster, follower) = Behind(o => o with { SnapshotWindowChunks = 2 });
        var (seen, first) = (0, 0);
        cluster.Sees = (_, to, m) =>
        {
            seen += to == follower && m.Kind == RaftMessageKind.SnapshotChunk ? 1 : 0;
            first += to == follower && m is { Kind: RaftMessageKind.SnapshotChunk, Hint: 0 } ? 1 : 0;
        };
        cluster.Reconnect(cluster.LeaderNode, follower);
        for (var breaks = 0; breaks < 5; breaks++)
        {
            var before = seen;
            while (seen < before + 3 && cluster.Step())
            {
            }

            cluster.Reconnect(cluster.LeaderNode, follower);
        }

        cluster.Settle();
        Assert.Equal((1, "1"), (first, cluster.Leader.Figure("snapshots_sent")));
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void A_snapshot_without_progress_is_given_up_after_the_patience_and_begun_anew()
    {
        var (cluster, follower) = Behind(o => o with { SnapshotPatienceMicros = 2_000_000 });
        cluster.Loses = (_, to, m) => to == follower && m.Kind == RaftMessageKind.SnapshotChunk && m.Hint == 3;
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Run(1_900_000);
        Assert.Equal("1", cluster.Leader.Figure("snapshots_sent"));
        cluster.Loses = (_, _, _) => false;
        cluster.Run(200_000);
        Assert.Equal("2", cluster.Leader.Figure("snapshots_sent"));
        cluster.Settle();
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void A_member_that_never_gets_through_with_its_snapshot_does_not_keep_others_from_theirs()
    {
        var cluster = new TestCluster(5, isVolatile: false, o => o with
        {
            RetainedLogBytes = 400, SnapshotChunkBytes = 200, SnapshotPatienceMicros = 1_000_000,
        }).Ready();
        cluster.Settle();
        var (leader, behind) = (cluster.LeaderNode, new List<int>());
        behind.AddRange(cluster.Alive.Select(a => a.Node).Where(n => n != leader).Take(2));
        behind.ForEach(n => cluster.Cut(leader, n));
        cluster.Loses = (from, to, _) => behind.Contains(from) || behind.Contains(to);
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(KvStatus.Ok, cluster.Put($"k{i}", new string('x', 40)));
        }

        // The first one is asked first, and is never done.
        cluster.Loses = (_, to, m) => to == behind[0] && m.Kind == RaftMessageKind.SnapshotChunk;
        behind.ForEach(n => cluster.Reconnect(leader, n));
        cluster.Until(() => cluster[behind[1]].Figure("snapshots_installed") == "1", "the other one's snapshot");
        Assert.Equal((leader, "0"), (cluster.LeaderNode, cluster[behind[0]].Figure("snapshots_installed")));
    }

    [Fact]
    public void What_is_written_while_a_snapshot_is_under_way_needs_no_other_one()
    {
        var (cluster, follower) = Behind(o => o with
        {
            SnapshotWindowChunks = 1, CaughtUpBytes = 0, AppendBytes = 100, WindowMessages = 1,
        });
        var (leader, process) = (cluster.Leader, cluster[follower]);
        var value = new string('y', 40);
        var written = 0;
        cluster.Reconnect(cluster.LeaderNode, follower);
        for (var i = 0; process.Figure("snapshots_installed") == "0"; i++, written += value.Length)
        {
            Assert.True(i < 100);
            leader.Request(9, (ulong)i + 1_000, KvKind.Put, $"k{i}", value);
            cluster.Step();
        }

        Assert.True(written > leader.Options.RetainedLogBytes, "more than is kept for nobody");
        cluster.Settle();
        Assert.Equal("1", leader.Figure("snapshots_sent"));
        Assert.Equal(TestCluster.State(leader), TestCluster.State(process));
    }

    [Fact]
    public void A_new_leader_in_the_middle_begins_with_its_own()
    {
        var (cluster, follower) = Behind(o => o with { SnapshotWindowChunks = 1 });
        var seen = 0;
        cluster.Sees = (_, to, m) => seen += to == follower && m.Kind == RaftMessageKind.SnapshotChunk ? 1 : 0;
        cluster.Reconnect(cluster.LeaderNode, follower);
        while (seen < 3 && cluster.Step())
        {
        }

        var (old, next) = (cluster.LeaderNode, 3 - follower - cluster.LeaderNode);
        Assert.Equal("0", cluster[follower].Figure("snapshots_installed"));
        Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Transfer, next).Status);
        cluster.Reconnect(next, follower);
        cluster.Until(() => cluster.LeaderOrNull is not null && cluster.LeaderNode == next, "another leader");
        cluster.Settle();
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
        Assert.NotEqual(old, cluster.LeaderNode);
    }

    [Fact]
    public void Pieces_of_an_older_leader_or_for_another_life_are_not_taken()
    {
        var (pieces, _) = Pieces();
        var node = new TestNode(1, 3);
        Assert.Equal(1UL, Give(node, pieces[0]));
        node.Receive(2, new RaftMessage { Kind = RaftMessageKind.Heartbeat, Term = pieces[0].Term + 1 });
        node.TakeTo(2);
        pieces.Skip(1).ToList().ForEach(p => node.Receive(0, p));
        Assert.DoesNotContain(node.TakeTo(0), m => m.Kind == RaftMessageKind.SnapshotReply);
        Assert.Equal(0UL, node.Raft.Applied);
        pieces.ForEach(p => node.Receive(2, p with { Term = p.Term + 1, To = 2 }));
        Assert.Empty(node.TakeTo(2));
        pieces.ForEach(p => node.Receive(2, p with { Term = p.Term + 1 }));
        Assert.Equal("1", node.Figure("snapshots_installed"));
    }

    [Fact]
    public void Snapshots_leave_at_their_rate_and_appends_to_others_are_not_held_up()
    {
        var (cluster, follower) = Behind(o => o with
        {
            SnapshotBytesPerSecond = 10_000, SnapshotWindowChunks = 1_000, SnapshotPatienceMicros = 100_000_000,
        });
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Deliver();
        var start = long.Parse(cluster.Leader.Figure("snapshot_bytes_sent"));
        cluster.Run(200_000);
        var sent = long.Parse(cluster.Leader.Figure("snapshot_bytes_sent")) - start;
        Assert.InRange(sent, 1_600, 2_400);
        Assert.Equal(KvStatus.Ok, cluster.Put("meanwhile"));
        cluster.Settle();
        Assert.Equal(TestCluster.State(cluster.Leader), TestCluster.State(cluster[follower]));
    }

    [Fact]
    public void Nobody_is_sent_a_snapshot_whose_stream_is_broken_or_who_was_not_heard_lately()
    {
        var (cluster, follower) = Behind();
        cluster.Run(2_000_000);
        Assert.Equal("0", cluster.Leader.Figure("snapshots_sent"));
        Assert.Equal("1", cluster.Leader.Figure("peers_behind_log"));
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal("0", cluster.Leader.Figure("peers_behind_log"));
    }

    [Fact]
    public void A_snapshot_that_is_not_newer_is_only_acknowledged()
    {
        var (pieces, index) = Pieces();
        var node = new TestNode(1, 3);
        pieces.ForEach(p => node.Receive(0, p));
        node.Sync();
        node.TakeTo(0);
        var state = TestCluster.State(node);
        var records = node.Records.Count;
        pieces.ForEach(p => node.Receive(0, p with { Index = p.Index - 1 }));
        node.Sync();
        Assert.All(node.TakeTo(0), m => Assert.True(m is { Kind: RaftMessageKind.AppendReply, Yes: true }));
        Assert.Equal((state, records, index), (TestCluster.State(node), node.Records.Count, node.Raft.Applied));
    }

    [Fact]
    public void Entries_behind_it_that_agree_are_kept_and_those_that_conflict_are_not()
    {
        var (pieces, index) = Pieces();
        var term = pieces[0].LogTerm;
        foreach (var agrees in (bool[])[true, false])
        {
            var terms = Enumerable.Repeat(agrees ? term : term - 1, (int)index + 2).ToArray();
            var node = new TestNode(1, 3, TestNode.Log(term, terms));
            Assert.Equal(index + 2, node.Raft.Durable);
            pieces.ForEach(p => node.Receive(0, p));
            Assert.Equal(index, node.Raft.Applied);
            Assert.Equal(agrees ? index + 2 : index, node.Raft.Log.LastIndex);
            Assert.True(node.Raft.Durable <= node.Raft.Log.LastIndex);
            var records = node.Records.ToList();
            node.Sync();
            Assert.Equal(agrees ? index + 2 : index, node.Raft.Durable);

            // Whatever a crash leaves of the records: the old log or the snapshot, never a mixture.
            for (var kept = 2; kept <= records.Count; kept++)
            {
                var again = new TestNode(1, 3, records.Take(kept));
                var whole = again.Raft.Log.BaseIndex == index;
                Assert.Equal(whole, again.Store.Count > 0);
                Assert.Equal(whole && !agrees ? index : index + 2, again.Raft.Log.LastIndex);
            }
        }
    }

    [Fact]
    public void A_follower_with_conflicting_durable_entries_does_not_count_them_when_it_leads_later()
    {
        var (pieces, index) = Pieces();
        var node = new TestNode(1, 3, TestNode.Log(1, [.. Enumerable.Repeat(1UL, (int)index + 5)]));
        pieces.ForEach(p => node.Receive(0, p with { LogTerm = 2, Term = 2 }));
        node.Sync();
        node.Advance(2_000_000);
        node.Elect();
        Assert.Equal(index + 1, node.Raft.Log.LastIndex);
        node.Receive(0, new RaftMessage
        {
            Kind = RaftMessageKind.AppendReply, Term = node.Raft.Term, Yes = true, Index = index + 1,
        });
        Assert.Equal(index + 1, node.Raft.Commit);
    }

    [Fact]
    public void A_snapshot_that_arrives_in_one_batch_with_entries_it_covers_writes_only_what_follows()
    {
        var (pieces, index) = Pieces();
        var node = new TestNode(1, 3);
        pieces.SkipLast(1).ToList().ForEach(p => node.Receive(0, p));
        var term = pieces[0].LogTerm;
        var append = new RaftMessage
        {
            Kind = RaftMessageKind.Append, Term = term,
            Entries = TestNode.Entries(1, [.. Enumerable.Repeat(term, (int)index + 1)]),
        };
        node.Core.Receive(Endpoint.Peer(new NodeId(0)), TestNode.Encode(append), node);
        node.Receive(0, pieces[^1]);
        Assert.Equal((index, index + 1), (node.Raft.Log.BaseIndex, node.Raft.Log.LastIndex));
        node.Sync();
        Assert.Equal(index + 1, node.Raft.Durable);
        var again = new TestNode(1, 3, node.Records);
        Assert.Equal((index, index + 1), (again.Raft.Log.BaseIndex, again.Raft.Log.LastIndex));
    }

    [Fact]
    public void Appends_wait_while_a_snapshot_is_under_way_and_go_on_behind_it()
    {
        var (cluster, follower) = Behind(o => o with { SnapshotWindowChunks = 1 });
        var leader = cluster.Leader;
        cluster.Reconnect(cluster.LeaderNode, follower);
        while (leader.Figure("snapshots_sent") == "0")
        {
            cluster.Step();
        }

        var slot = leader.Raft.Roster.SlotOf(new MemberId(new NodeId((byte)follower), 1));
        ref readonly var progress = ref leader.Raft.Progress(slot);
        Assert.Equal((ReplicationState.Snapshot, true), (progress.State, progress.Paused));
        var pending = progress.PendingSnapshot;
        leader.Request(9, 77, KvKind.Put, "k", "v");
        Assert.DoesNotContain(leader.TakeTo(follower), m => m.Kind == RaftMessageKind.Append);
        cluster.Reconnect(cluster.LeaderNode, follower);
        cluster.Settle();
        Assert.Equal((ReplicationState.Replicate, pending + 1),
            (leader.Raft.Progress(slot).State, leader.Raft.Progress(slot).Match));
    }

    /// <summary>A cluster whose follower is cut off and needs entries that are gone.</summary>
    internal static (TestCluster Cluster, int Follower) Behind(Func<RaftOptions, RaftOptions>? change = null)
    {
        var cluster = new TestCluster(3, isVolatile: false, o => (change ?? (x => x))(o with
        {
            RetainedLogBytes = 400, SnapshotChunkBytes = 200, SnapshotWindowChunks = 4,
        })).Ready();
        var follower = cluster.Alive.First(a => a.Node != cluster.LeaderNode).Node;
        cluster.Settle();
        cluster.Cut(cluster.LeaderNode, follower);
        var leader = cluster.LeaderNode;
        cluster.Loses = (a, b, _) => a == follower || b == follower;
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(KvStatus.Ok, cluster.Put($"k{i}", $"value {i} {new string('x', 40)}"));
        }

        Assert.Equal(leader, cluster.LeaderNode);
        cluster.Loses = (_, _, _) => false;
        return (cluster, follower);
    }

    /// <summary>The pieces of a snapshot as n0 would send them to n1, in term and log term 2.</summary>
    private static (List<RaftMessage> Pieces, ulong Index) Pieces()
    {
        const ulong Index = 21;
        var store = new KvStore();
        for (var i = 1; i <= 20; i++)
        {
            store.Put(Encoding.ASCII.GetBytes($"k{i}"), new RecordHeader((UInt128)i, 0, 60, 0), new byte[60]);
        }

        Assert.True(Roster.TryRestore(
            new RosterRecord { Voters = [.. Enumerable.Range(0, 3).Select(n => new MemberId(new NodeId((byte)n), 1))] },
            out var roster));
        var record = roster.ToRecord();
        var book = new MemberBook(3);
        var sessions = new SessionTable(10);
        var head = new byte[SnapshotFormat.PrefixBytes
            + SnapshotFormat.Bytes(record) + book.Bytes + sessions.SnapshotBytes];
        var writer = new WireWriter(head.AsSpan(SnapshotFormat.PrefixBytes));
        SnapshotFormat.Write(ref writer, record);
        book.Write(ref writer);
        sessions.Write(head.AsSpan(SnapshotFormat.PrefixBytes + writer.Position));
        var source = new SnapshotSource(store, Index, 2, head, 200, false);
        var pieces = new List<RaftMessage>();
        for (var last = false; !last;)
        {
            pieces.Add(new RaftMessage
            {
                Kind = RaftMessageKind.SnapshotChunk, Term = 2, Index = Index, LogTerm = 2,
                Hint = (ulong)pieces.Count, Payload = source.Next(out last), Yes = last,
            });
        }

        return (pieces, Index);
    }

    private static ulong Give(TestNode node, RaftMessage piece)
    {
        node.TakeTo(0);
        node.Receive(0, piece);
        node.Sync();
        return Assert.Single(node.TakeTo(0), m => m.Kind == RaftMessageKind.SnapshotReply).Hint;
    }
}
