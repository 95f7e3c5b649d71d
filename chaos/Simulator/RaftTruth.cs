using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Testbed.Erasure;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Raft.Snapshots;
using Testbed.Store;
using Testbed.Wire;
using Testbed.Workloads;

namespace Testbed.Simulator;

/// <summary>A state in three numbers: records, sessions, members with what is noted of nodes.</summary>
internal readonly record struct StateDigest(ulong Records, ulong Sessions, ulong Members);

/// <summary>
/// What the cluster has agreed on: the committed entries, and what they make of an empty store, entry by entry.
/// </summary>
internal sealed class RaftTruth
{
    private const int IdentityAt = 8;

    private readonly SimCluster _cluster;

    /// <summary>
    /// The nodes' own, without planted bugs but the one that would make all nodes wrong alike: that one is the
    /// history's to find.
    /// </summary>
    private readonly StateMachine _machine;
    private readonly List<byte[]> _entries = [];
    private readonly List<ulong> _hashes = [];

    /// <summary>Terms of the nodes that first took an entry for committed.</summary>
    private readonly List<ulong> _terms = [];
    private readonly List<StateDigest> _states = [];
    private readonly HashSet<ulong> _written = [];
    private readonly ulong[] _records;
    private ulong _recordsDigest;
    private ulong _membersDigest;

    public RaftTruth(SimCluster cluster)
    {
        _cluster = cluster;
        var founders = cluster.Shape.Founders;
        _machine = new StateMachine(
            cluster.Memory.TakeStore(), new SessionTable(cluster.Shape.RaftNode(0, 0, false).Sessions),
            cluster.Shape.Bugs.Raft & RaftMutants.RetryAppliedTwice);
        _records = new ulong[cluster.Shape.Keys];
        Book = new MemberBook(founders);
        var voters = new MemberId[founders];
        for (var node = 0; node < founders; node++)
        {
            voters[node] = new MemberId(new NodeId((byte)node), 1);
        }

        Roster.TryRestore(new RosterRecord { Voters = voters }, out var roster);
        Members = roster;
        _membersDigest = DigestOf(Members, Book);
        _states.Add(new StateDigest(0, _machine.Sessions.Digest(), _membersDigest));
    }

    /// <summary>Entries committed.</summary>
    public ulong Count => (ulong)_entries.Count;

    /// <summary>The members, when all of it is applied.</summary>
    public Roster Members { get; private set; }

    /// <summary>What is noted of nodes.</summary>
    public MemberBook Book { get; }

    /// <summary>An entry's bytes.</summary>
    public ReadOnlySpan<byte> Entry(ulong index) => _entries[(int)index - 1];

    /// <summary>An entry's checksum.</summary>
    public ulong Hash(ulong index) => _hashes[(int)index - 1];

    /// <summary>The term of the node that first took an entry for committed.</summary>
    public ulong Term(ulong index) => _terms[(int)index - 1];

    /// <summary>The state after an entry.</summary>
    public StateDigest State(ulong index) => _states[(int)index];

    /// <summary>True when an entry wrote the value of that identity.</summary>
    public bool HasWritten(ulong identity) => _written.Contains(identity);

    /// <summary>The next entry is committed.</summary>
    public void Add(ReadOnlySpan<byte> bytes, ulong hash, ulong term)
    {
        _entries.Add(bytes.ToArray());
        _hashes.Add(hash);
        _terms.Add(term);
        RaftEntryCodec.TryRead(bytes, out var entry);
        var before = _machine.Deduplicated;
        var tookEffect = _machine.Apply(entry) == KvStatus.Ok && _machine.Deduplicated == before;
        if (entry.Kind is RaftEntryKind.Put or RaftEntryKind.Delete or RaftEntryKind.CompareAndSet)
        {
            var key = int.Parse(Encoding.ASCII.GetString(entry.Key)[3..], CultureInfo.InvariantCulture);
            var now = RecordOf(_machine.Store, key);
            _recordsDigest ^= _records[key] ^ now;
            _records[key] = now;
        }

        if (tookEffect && entry.Kind is RaftEntryKind.Put or RaftEntryKind.CompareAndSet
            && entry.Value.Length >= RecordValue.HeaderBytes)
        {
            _written.Add(BinaryPrimitives.ReadUInt64LittleEndian(entry.Value[IdentityAt..]));
        }
        else if (entry.Kind == RaftEntryKind.Configuration)
        {
            Change(entry);
        }

        _states.Add(new StateDigest(_recordsDigest, _machine.Sessions.Digest(), _membersDigest));
    }

    /// <summary>The state of a node.</summary>
    public StateDigest StateOf(RaftNodeCore core)
    {
        var records = 0UL;
        for (var key = 0; key < _records.Length; key++)
        {
            records ^= RecordOf(core.Store, key);
        }

        return new StateDigest(
            records, core.Machine.Sessions.Digest(), DigestOf(core.Protocol.Roster, core.Protocol.Book));
    }

    /// <summary>The members that a change would make of these; the same when it changes nothing.</summary>
    public static Roster After(Roster members, in MembershipEntry entry) =>
        !(entry.Note is not null && entry.Change.LeavesJoint)
        && ConfigurationChanger.Apply(members, entry.Change, out var next) == ChangeError.None
            ? next
            : members;

    /// <summary>The store goes back.</summary>
    public void GiveBack() => _cluster.Memory.GiveBack(_machine.Store, _cluster.Keys);

    private void Change(in RaftEntryView entry)
    {
        MembershipEntry.TryRead(entry.Value, out var change);
        Book.Apply(change);
        var next = After(Members, change);
        CheckChange(Members, next, entry.Index);
        Members = next;
        _membersDigest = DigestOf(Members, Book);
    }

    // Judged by who the members are, not by the slots in which the core counts.
    private static void CheckChange(Roster before, Roster after, ulong index)
    {
        var (was, now) = (before.ToRecord(), after.ToRecord());
        var one = now.Voters.Union(now.VotersOutgoing).Intersect(now.Learners).ToList();
        if (one.Count > 0)
        {
            throw new SimulationViolation($"R10: entry {index} makes {one[0]} vote and learn");
        }

        var meets = now.VotersOutgoing.Length > 0
            ? was.VotersOutgoing.Length > 0 ? now.Voters.SequenceEqual(was.Voters) : now.VotersOutgoing.SequenceEqual(was.Voters)
            : was.VotersOutgoing.Length > 0
                ? now.Voters.SequenceEqual(was.Voters)
                : now.Voters.Except(was.Voters).Count() + was.Voters.Except(now.Voters).Count() <= 1;
        if (!meets || now.Voters.Length == 0)
        {
            throw new SimulationViolation($"R11: with entry {index} quorums need not meet those before");
        }
    }

    private static ulong DigestOf(Roster roster, MemberBook book)
    {
        var record = roster.ToRecord();
        Span<byte> bytes = new byte[SnapshotFormat.Bytes(record) + book.Bytes];
        var writer = new WireWriter(bytes);
        SnapshotFormat.Write(ref writer, record);
        book.Write(ref writer);
        return Checksum.Of(bytes);
    }

    // 0 when it is absent.
    private ulong RecordOf(KvStore store, int key) => store.TryGet(_cluster.Key(key).Span, out var header, out var value)
        ? SimRandom.Mix(Checksum.Of(value) + SimRandom.Mix((ulong)header.Version + ((ulong)key << 48)))
        : 0;
}
