using Testbed.Raft;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>One node core by hand: what it sends lands in lists, the disk syncs when told to.</summary>
internal sealed class TestNode : ICoreOutput
{
    private readonly List<(int Records, Endpoint To, byte[] Message)> _waiting = [];
    private readonly int _gone;
    private byte[] _room = [];
    private (Endpoint To, bool Wait) _begun;
    private int _durable;

    /// <param name="self">Its number.</param>
    /// <param name="nodes">How many found the cluster.</param>
    /// <param name="log">What it finds on its disk.</param>
    /// <param name="options">Others than the usual ones.</param>
    /// <param name="released">How many records were released before the first of the log.</param>
    public TestNode(int self, int nodes, IEnumerable<(byte, byte[])>? log = null, RaftOptions? options = null,
        int released = 0)
    {
        _gone = released;
        Options = options ?? new RaftOptions { Self = new NodeId((byte)self), Nodes = nodes, Seed = 1 };
        Core = new RaftNodeCore(Options, new KvStore());
        foreach (var (type, payload) in log ?? [])
        {
            Records.Add((type, payload));
            Core.Recover(type, payload);
        }

        _durable = Records.Count;
        Core.Start(new CoreTime(Now, 0), this);
        Core.Flush(this);
    }

    public RaftOptions Options { get; }

    public KvStore Store => Core.Store;

    public RaftNodeCore Core { get; }

    public RaftProtocol Raft => Core.Protocol;

    public long Now { get; private set; } = 1_000_000;

    public List<(byte Type, byte[] Payload)> Records { get; } = [];

    /// <summary>
    /// How many records from the first on need not be found at the next start, and how many had to be durable then.
    /// </summary>
    public List<(int Written, int Released)> Releases { get; } = [];

    /// <summary>How many records were released when so many were durable.</summary>
    public int ReleasedAt(int durable) =>
        Releases.Where(r => r.Written <= durable).Select(r => r.Released).Append(0).Max();

    /// <summary>What really left, in order.</summary>
    public List<(Endpoint To, byte[] Message)> Sent { get; } = [];

    public static byte[] Encode(RaftMessage message)
    {
        // Who says nothing else is a founder, and talks to one.
        message = message with
        {
            From = message.From == 0 ? 1 : message.From, To = message.To == 0 ? 1 : message.To,
        };
        var tail = message.Kind == RaftMessageKind.SnapshotChunk ? message.Payload : message.Entries;
        var bytes = new byte[RaftMessage.HeadBytes + message.Payload.Length + tail.Length];
        var head = message.WriteHead(bytes, tail.Length);
        tail.Span.CopyTo(bytes.AsSpan(head));
        return bytes[..(head + tail.Length)];
    }

    /// <summary>Entries of the given terms from an index on; their keys name index and term.</summary>
    public static byte[] Entries(ulong first, params ulong[] terms)
    {
        var all = new List<byte>();
        foreach (var term in terms)
        {
            var key = System.Text.Encoding.ASCII.GetBytes($"{first}.{term}");
            var entry = new byte[RaftEntryCodec.Bytes(RaftEntryKind.Put, key.Length, 1)];
            RaftEntryCodec.Write(entry, first++, term, RaftEntryKind.Put, key, "v"u8);
            all.AddRange(entry);
        }

        return [.. all];
    }

    /// <summary>
    /// A log on disk: a term and entries of the given terms, nothing known to be committed.
    /// </summary>
    public static List<(byte, byte[])> Log(ulong term, params ulong[] terms)
    {
        // Term, nobody's vote, incarnation 1, nothing committed.
        var state = new byte[33];
        BitConverter.TryWriteBytes(state, term);
        state[13] = 1;
        return [(RaftRecords.HardState, state), (RaftRecords.Entries, [.. new byte[16], .. Entries(1, terms)])];
    }

    public void Receive(int from, RaftMessage message)
    {
        Assert.True(Core.Receive(Endpoint.Peer(new NodeId((byte)from)), Encode(message), this));
        Core.Flush(this);
    }

    public void Request(int client, ulong number, KvKind kind, string key, string value = "")
    {
        Request(client, new KvRequest(
            number, kind, System.Text.Encoding.ASCII.GetBytes(key), System.Text.Encoding.ASCII.GetBytes(value), 0,
            0));
    }

    public void Request(int client, KvRequest request)
    {
        var bytes = new byte[request.MaxBytes];
        Assert.True(Core.Receive(Endpoint.Client(client), bytes.AsMemory(0, request.Write(bytes)), this));
        Core.Flush(this);
    }

    /// <summary>Time passes in steps of a host's ticks.</summary>
    public void Advance(long micros)
    {
        for (var end = Now + micros; Now < end;)
        {
            Jump(long.Min(5_000, end - Now));
        }
    }

    /// <summary>The process stood still for so long.</summary>
    public void Jump(long micros)
    {
        Now += micros;
        Core.Tick(new CoreTime(Now, 0), this);
        Core.Flush(this);
    }

    /// <summary>Takes a message as it travelled.</summary>
    public void ReceiveBytes(int from, byte[] message)
    {
        Assert.True(Core.Receive(Endpoint.Peer(new NodeId((byte)from)), message, this));
        Core.Flush(this);
    }

    public void LinkUp(int peer)
    {
        Core.LinkUp(Endpoint.Peer(new NodeId((byte)peer)), this);
        Core.Flush(this);
    }

    public void LinkDown(int peer)
    {
        Core.LinkDown(Endpoint.Peer(new NodeId((byte)peer)), this);
        Core.Flush(this);
    }

    /// <summary>What an operator asks, answered at once.</summary>
    public KvReply Admin(RaftAdminKind what, int node)
    {
        var request = new RaftMessage
        {
            Kind = RaftMessageKind.Admin, Round = 1, Index = (ulong)node, LogTerm = (ulong)what,
        };
        Assert.True(Core.Receive(Endpoint.Client(77), Encode(request), this));
        var answer = Assert.Single(TakeAnswers(77));
        Core.Flush(this);
        return answer;
    }

    /// <summary>One of the node's figures.</summary>
    public string Figure(string name)
    {
        var figures = new PumpFigures();
        Core.Report(figures);
        return figures[name];
    }

    /// <summary>Syncs what is not durable; false when there was nothing.</summary>
    public bool SyncIfNeeded()
    {
        var needed = _durable < Records.Count;
        if (needed)
        {
            Sync();
        }

        return needed;
    }

    /// <summary>Everything written so far becomes durable.</summary>
    public void Sync()
    {
        _durable = Records.Count;
        Core.StorageDone(new LogSequence(_gone + _durable), this);
        Sent.AddRange(_waiting.Select(w => (w.To, w.Message)));
        _waiting.Clear();
        Core.Flush(this);
    }

    /// <summary>Makes it a leader by the votes of the others.</summary>
    public void Elect()
    {
        while (Raft.Role != RaftRole.PreCandidate)
        {
            Advance(10_000);
        }

        var others = Enumerable.Range(0, Options.Nodes).Where(n => n != Options.Self.Index).ToList();
        others.ForEach(n => Receive(
            n, new RaftMessage { Kind = RaftMessageKind.PreVoteReply, Term = Raft.Term + 1, Yes = true }));
        Assert.Equal(RaftRole.Candidate, Raft.Role);
        Sync();
        others.ForEach(n => Receive(
            n, new RaftMessage { Kind = RaftMessageKind.VoteReply, Term = Raft.Term, Yes = true }));
        Assert.Equal(RaftRole.Leader, Raft.Role);
        Sync();
    }

    /// <summary>Takes the messages sent to a peer since the last call.</summary>
    public List<RaftMessage> TakeTo(int peer) => Take(Endpoint.Peer(new NodeId((byte)peer)), bytes =>
    {
        Assert.True(RaftMessage.TryRead(bytes, out var message));
        return message;
    });

    /// <summary>Takes the answers sent to a client since the last call.</summary>
    public List<KvReply> TakeAnswers(int client) => Take(Endpoint.Client(client), bytes =>
    {
        Assert.True(KvReply.TryRead(bytes, out var reply));
        return reply;
    });

    public Span<byte> Begin(Endpoint to, int maxBytes) => Room(to, maxBytes, wait: false);

    public Span<byte> BeginAfterDurable(Endpoint to, int maxBytes) => Room(to, maxBytes, wait: true);

    public void End(int writtenBytes)
    {
        var message = _room[..writtenBytes];
        if (_begun.Wait && _durable < Records.Count)
        {
            _waiting.Add((Records.Count, _begun.To, message));
        }
        else
        {
            Sent.Add((_begun.To, message));
        }
    }

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        Records.Add((recordType, [.. head, .. body]));
        return new LogSequence(_gone + Records.Count);
    }

    /// <summary>A hint: this log keeps everything, and tests cut it as they like.</summary>
    public void Release(LogSequence upTo) => Releases.Add((Records.Count, (int)upTo.Value - _gone));

    private List<T> Take<T>(Endpoint to, Func<byte[], T> decode)
    {
        var taken = Sent.Where(s => s.To == to).Select(s => decode(s.Message)).ToList();
        Sent.RemoveAll(s => s.To == to);
        return taken;
    }

    private Span<byte> Room(Endpoint to, int maxBytes, bool wait)
    {
        _begun = (to, wait);
        _room = new byte[maxBytes];
        return _room;
    }
}
