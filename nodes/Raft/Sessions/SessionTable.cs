using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>What the table says of a write before it is carried out.</summary>
internal enum SessionVerdict : byte
{
    /// <summary>It was not applied yet: carry it out, then <see cref="SessionTable.Keep"/> its result.</summary>
    New,

    /// <summary>It was applied; the result is kept.</summary>
    Applied,

    /// <summary>The client has its answer, or gave up: carry nothing out.</summary>
    Answered,

    /// <summary>The session is unknown: carry nothing out, for nobody knows what was.</summary>
    Expired,
}

/// <summary>
/// The results of writes that clients may still ask for again (Ongaro's thesis, 6.3): part of the replicated state,
/// so changed by entries only, and the same on every node that has applied the same ones.
/// </summary>
/// <remarks>
/// A session's id is the client's own number plus the index of the entry that opened it. An entry opens a session
/// that nobody had before: one that was evicted never comes back, however late its messages arrive. Bounds: at most
/// <see cref="Capacity"/> sessions, of which the one used least recently by log index makes room for a new one; at
/// most <see cref="Limits.SessionWindow"/> results, a byte each, per session.
/// </remarks>
internal sealed class SessionTable
{
    /// <summary>Most sessions a table may be made for.</summary>
    public const int MostSessions = 65_536;

    private const int HeadBytes = 8;
    private const int SessionHeadBytes = 28;
    private const int SmallestRing = 16;

    /// <summary>In order of opening, so that every walk over them is the same everywhere.</summary>
    private readonly List<Session> _sessions = [];
    private readonly Dictionary<ulong, Session> _byId = [];

    /// <summary>An empty table.</summary>
    public SessionTable(int capacity) => Capacity = capacity;

    /// <summary>Most sessions held. The same on every node.</summary>
    public int Capacity { get; }

    /// <summary>Sessions held.</summary>
    public int Count => _sessions.Count;

    /// <summary>Results held, over all sessions.</summary>
    public long Results { get; private set; }

    /// <summary>Sessions that made room for others in this process's life.</summary>
    public long Evictions { get; private set; }

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    public int SnapshotBytes => BytesOf(Written);

    /// <summary>Test only: the planted bug, see <see cref="RaftMutants.SessionLostInSnapshot"/>.</summary>
    internal bool LosesSessions { get; set; }

    private List<Session> Written => LosesSessions ? [] : _sessions;

    /// <summary>Opens a session by the entry at an index; returns its id.</summary>
    public ulong Open(ulong nonce, ulong index)
    {
        var id = ulong.Max(1, unchecked(nonce + index));
        if (_byId.Remove(id, out var former))
        {
            // Two clients drew the same number of 64 bits: the one before loses its session.
            Remove(former);
        }

        while (_sessions.Count >= Capacity)
        {
            var oldest = _sessions[0];
            foreach (var session in _sessions)
            {
                oldest = session.LastUse < oldest.LastUse ? session : oldest;
            }

            _byId.Remove(oldest.Id);
            Remove(oldest);
            Evictions++;
        }

        Add(new Session { Id = id, LastUse = index, First = 1 });
        return id;
    }

    /// <summary>
    /// Looks a write up that the entry at an index holds; forgets what its client has the answers of. The status is
    /// that of <see cref="SessionVerdict.Applied"/>.
    /// </summary>
    public SessionVerdict Look(in SessionStamp stamp, ulong index, out KvStatus status)
    {
        status = KvStatus.SessionExpired;
        if (!_byId.TryGetValue(stamp.Session, out var session))
        {
            return SessionVerdict.Expired;
        }

        session.LastUse = index;
        Results -= session.ForgetBelow(stamp.FirstUnanswered);
        if (stamp.Sequence < session.First)
        {
            status = KvStatus.Unknown;
            return SessionVerdict.Answered;
        }

        var kept = session.Result(stamp.Sequence);
        status = (KvStatus)(kept - 1);
        return kept == 0 ? SessionVerdict.New : SessionVerdict.Applied;
    }

    /// <summary>Keeps the result of a write that was <see cref="SessionVerdict.New"/> and is applied now.</summary>
    public void Keep(in SessionStamp stamp, KvStatus status)
    {
        Invariant.Holds(IsResult((byte)(status + 1)), "R14 a stamped write is applied once");
        _byId[stamp.Session].Keep(stamp.Sequence, (byte)(status + 1));
        Results++;
    }

    /// <summary>A number that is the same for tables that hold the same.</summary>
    public ulong Digest()
    {
        var bytes = new byte[BytesOf(_sessions)];
        WriteAll(bytes, _sessions);
        var hash = 14_695_981_039_346_656_037UL;
        foreach (var one in bytes)
        {
            hash = unchecked((hash ^ one) * 1_099_511_628_211UL);
        }

        return hash;
    }

    /// <summary>
    /// Writes the table into exactly <see cref="SnapshotBytes"/>: capacity (4), sessions (4); for each its id (8),
    /// last use (8), first unanswered (8), number of results (4), and they: 0 for one that is missing, else status + 1.
    /// Equal tables give equal bytes.
    /// </summary>
    public void Write(Span<byte> destination) => WriteAll(destination, Written);

    private void WriteAll(Span<byte> destination, List<Session> sessions)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, Capacity);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], sessions.Count);
        destination = destination[HeadBytes..];
        foreach (var session in sessions)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, session.Id);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], session.LastUse);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], session.First);
            BinaryPrimitives.WriteInt32LittleEndian(destination[24..], session.Span);
            session.CopyTo(destination[SessionHeadBytes..]);
            destination = destination[(SessionHeadBytes + session.Span)..];
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; false when it is anything else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out SessionTable table)
    {
        table = new SessionTable(1);
        if (source.Length < HeadBytes)
        {
            return false;
        }

        var capacity = BinaryPrimitives.ReadInt32LittleEndian(source);
        var count = BinaryPrimitives.ReadInt32LittleEndian(source[4..]);
        if (capacity is < 1 or > MostSessions || count < 0 || count > capacity)
        {
            return false;
        }

        table = new SessionTable(capacity);
        source = source[HeadBytes..];
        for (; count > 0; count--)
        {
            if (source.Length < SessionHeadBytes)
            {
                return false;
            }

            var span = BinaryPrimitives.ReadInt32LittleEndian(source[24..]);
            if (span is < 0 or > Limits.SessionWindow || span > source.Length - SessionHeadBytes
                || !table.TryTake(source, source.Slice(SessionHeadBytes, span)))
            {
                return false;
            }

            source = source[(SessionHeadBytes + span)..];
        }

        return source.IsEmpty;
    }

    private static int BytesOf(List<Session> sessions)
    {
        var bytes = HeadBytes;
        foreach (var session in sessions)
        {
            bytes += SessionHeadBytes + session.Span;
        }

        return bytes;
    }

    private static bool IsResult(byte kept) =>
        kept is (byte)KvStatus.Ok + 1 or (byte)KvStatus.PreconditionFailed + 1;

    private bool TryTake(ReadOnlySpan<byte> head, ReadOnlySpan<byte> results)
    {
        var session = new Session
        {
            Id = BinaryPrimitives.ReadUInt64LittleEndian(head),
            LastUse = BinaryPrimitives.ReadUInt64LittleEndian(head[8..]),
            First = BinaryPrimitives.ReadUInt64LittleEndian(head[16..]),
        };
        if (session.Id == 0 || session.First is 0 or > RaftEntryCodec.Largest || _byId.ContainsKey(session.Id)
            || (!results.IsEmpty && results[^1] == 0))
        {
            return false;
        }

        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] == 0)
            {
                continue;
            }

            if (!IsResult(results[i]))
            {
                return false;
            }

            session.Keep(session.First + (ulong)i, results[i]);
            Results++;
        }

        Add(session);
        return true;
    }

    private void Add(Session session)
    {
        _sessions.Add(session);
        _byId.Add(session.Id, session);
    }

    private void Remove(Session session)
    {
        _sessions.Remove(session);
        Results -= session.Held;
    }

    /// <summary>One client's writes from the first unanswered on, in a ring that grows with need.</summary>
    private sealed class Session
    {
        private byte[] _ring = new byte[SmallestRing];

        public required ulong Id { get; init; }

        /// <summary>Index of the entry that used it last.</summary>
        public required ulong LastUse { get; set; }

        /// <summary>The client has the answers of all writes below. Never falls.</summary>
        public required ulong First { get; set; }

        /// <summary>From the first unanswered write to the last with a result.</summary>
        public int Span { get; private set; }

        /// <summary>Results held.</summary>
        public int Held { get; private set; }

        public byte Result(ulong sequence) => sequence - First < (ulong)Span ? At(sequence) : (byte)0;

        public void Keep(ulong sequence, byte result)
        {
            var needed = (int)(sequence - First) + 1;
            if (needed > _ring.Length)
            {
                Grow(needed);
            }

            At(sequence) = result;
            Span = int.Max(Span, needed);
            Held++;
        }

        /// <summary>Returns how many results were forgotten.</summary>
        public int ForgetBelow(ulong first)
        {
            var before = Held;
            while (First < first && Span > 0)
            {
                ref var kept = ref At(First);
                Held -= kept != 0 ? 1 : 0;
                kept = 0;
                First++;
                Span--;
            }

            First = ulong.Max(First, first);
            return before - Held;
        }

        public void CopyTo(Span<byte> destination)
        {
            for (var i = 0; i < Span; i++)
            {
                destination[i] = At(First + (ulong)i);
            }
        }

        private ref byte At(ulong sequence) => ref _ring[(int)(sequence & (ulong)(_ring.Length - 1))];

        private void Grow(int needed)
        {
            var larger = new byte[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed)];
            for (var i = 0; i < Span; i++)
            {
                var sequence = First + (ulong)i;
                larger[(int)(sequence & (ulong)(larger.Length - 1))] = At(sequence);
            }

            _ring = larger;
        }
    }
}
