using System.Collections.Concurrent;
using System.Text;
using Testbed.Client.Links;
using Testbed.Node.Disk;
using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>
/// Drives one node core: frames from streams, links to peers, log completions and time go in, one batch at a
/// time; what the core puts out leaves at the end of the batch, the log first.
/// </summary>
internal sealed class NodeLoop : OwnerLoop, ICoreOutput, ILinkOwner
{
    private const int InputsPerBatch = 256;
    private const long BytesPerBatch = 1024 * 1024;
    private const int TickMillis = 5;

    private readonly INodeCore _core;
    private readonly INodeLog _log;
    private readonly TimeProvider _time;
    private readonly Action<Exception> _fault;
    private readonly ConcurrentQueue<Input> _inbox = new();

    // Under its own lock.
    private readonly Dictionary<NodeId, string> _namedPeers = [];
    private Action<NodeId, string>? _named;

    // Owner only, from here on.
    private readonly Dictionary<int, Outbox> _clients = [];
    private readonly Outbox?[] _peers = new Outbox?[Limits.Nodes];
    private readonly List<Outbox> _dirty = [];
    private readonly List<Segment> _taken = [];
    private readonly Queue<Held> _held = new();
    private Outbox? _writing;
    private byte[] _scratch = new byte[4096];
    private long _announced;
    private bool _partSigned;

    public NodeLoop(INodeCore core, INodeLog log, TimeProvider time, Action<Exception> fault)
        : base("testbed node")
    {
        _core = core;
        _log = log;
        _time = time;
        _fault = fault;
        _announced = log.Durable.Value;
    }

    /// <summary>
    /// From now on <paramref name="named"/> is told where nodes that were added are reached, and at once of those that
    /// are known already. It must not call back.
    /// </summary>
    public void TellPeersTo(Action<NodeId, string> named)
    {
        lock (_namedPeers)
        {
            _named = named;
            foreach (var (node, address) in _namedPeers)
            {
                named(node, address);
            }
        }
    }

    /// <summary>
    /// Tells the core the time once more after all that came was handed in. A lease must be judged, and promised, by a
    /// time not older than any of it: the process may have stood still since the batch began.
    /// </summary>
    public bool ReadsClockBeforeFlush { get; init; }

    /// <summary>Called once the core has a part, before anything leaves that it put out since. On the loop.</summary>
    public Action? TookPart { get; init; }

    /// <summary>How long batches took that handled input. Any thread may read it.</summary>
    public TimeBuckets BatchTimes { get; } = new();

    protected override bool HasInput =>
        (!_inbox.IsEmpty && !_log.IsFull) || _log.Durable.Value > Volatile.Read(ref _announced);

    protected override int SleepMillis => TickMillis;

    /// <summary>Starts the core, which has taken back its log, and the loop.</summary>
    public void Start()
    {
        _inbox.Enqueue(new Input(InputKind.Start, default));
        RunHere();
        StartThread();
    }

    /// <summary>
    /// Ends the loop: no input is handled after this returns, and the caller may touch the log writer.
    /// </summary>
    public void Stop()
    {
        StopThread();
        TakeForGood();
    }

    /// <summary>The log has advanced.</summary>
    public void LogAdvanced() => RunHere();

    /// <summary>Announces an incoming stream before its first frame.</summary>
    public void Opened(ServerStream stream) =>
        Bring(new Input(InputKind.Opened, stream.Endpoint) { Stream = stream });

    /// <summary>Announces the end of an incoming stream after its last frame.</summary>
    public void Closed(ServerStream stream) =>
        Bring(new Input(InputKind.Closed, stream.Endpoint) { Stream = stream });

    /// <summary>Brings one well-formed frame that the stream has counted into its unhandled bytes.</summary>
    public void Received(ServerStream stream, ReadOnlyMemory<byte> frame) =>
        Bring(new Input(InputKind.Frame, stream.Endpoint) { Stream = stream, Frame = frame });

    /// <summary>
    /// Registers where answers to the host's own requests go; called before <see cref="Start"/>.
    /// </summary>
    public void Register(int client, Outbox outbox) => _clients.Add(client, outbox);

    /// <summary>Brings one request of the host itself, acting for a unary call.</summary>
    public void Request(int client, ReadOnlyMemory<byte> frame) =>
        Bring(new Input(InputKind.Frame, Endpoint.Client(client)) { Frame = frame });

    /// <summary>Lets the core report between two batches; ends when it has.</summary>
    public Task ReportAsync(IStatusSink sink)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Bring(new Input(InputKind.Report, default) { Sink = sink, Done = done });
        return done.Task;
    }

    void ILinkOwner.LinkUp(StreamLink link, Outbox outbox) =>
        Bring(new Input(InputKind.PeerUp, Endpoint.Peer(link.Target)) { Outbox = outbox });

    void ILinkOwner.LinkDown(StreamLink link, string reason) =>
        Bring(new Input(InputKind.PeerDown, Endpoint.Peer(link.Target)));

    // Peers answer over their own links; after the handshake nothing comes back on this one.
    void ILinkOwner.Received(StreamLink link, ReadOnlyMemory<byte> frame)
    {
        link.Unhandled.Leave(frame.Length);
        link.Drop();
    }

    Span<byte> ICoreOutput.Begin(Endpoint to, int maxBytes) => Begin(to, maxBytes, held: false);

    // When everything appended is durable, nothing older is held either: it can leave like any other message.
    // At level memory nothing is ever held.
    Span<byte> ICoreOutput.BeginAfterDurable(Endpoint to, int maxBytes) =>
        Begin(to, maxBytes, held: _log.Appended.Value > _announced && !_log.IsVolatile);

    void ICoreOutput.End(int writtenBytes) => _writing?.End(writtenBytes);

    LogSequence ICoreOutput.Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) =>
        _log.Append(recordType, head, body);

    void ICoreOutput.Peer(NodeId node, ReadOnlySpan<byte> address) =>
        Named(node, Encoding.ASCII.GetString(address));

    void ICoreOutput.Release(LogSequence upTo) => _log.Release(upTo);

    protected override void RunBatch()
    {
        var begunMicros = LoopClock.MonotonicMicros(_time);
        _core.Tick(new CoreTime(begunMicros, LoopClock.WallMicros(_time)), this);
        AnnounceDurable();
        var bytes = 0L;
        var inputs = 0;
        for (; inputs < InputsPerBatch && bytes < BytesPerBatch && !_log.IsFull; inputs++)
        {
            if (!_inbox.TryDequeue(out var input))
            {
                break;
            }

            bytes += input.Frame.Length;
            Handle(input);
        }

        if (ReadsClockBeforeFlush)
        {
            _core.Tick(new CoreTime(LoopClock.MonotonicMicros(_time), LoopClock.WallMicros(_time)), this);
        }

        _core.Flush(this);
        if (_log.IsVolatile && _log.Durable.Value > _announced)
        {
            // Announced here, it costs no batch of its own.
            AnnounceDurable();
            _core.Flush(this);
        }

        if (!_partSigned && _core.HasPart)
        {
            TookPart?.Invoke();
            _partSigned = true;
        }

        _log.HandOver();
        Publish();
        if (inputs > 0)
        {
            BatchTimes.Record(LoopClock.MonotonicMicros(_time) - begunMicros);
        }
    }

    protected override void OnFault(Exception fault) => _fault(fault);

    private Span<byte> Begin(Endpoint to, int maxBytes, bool held)
    {
        _writing = to.Kind == EndpointKind.Peer
            ? (uint)to.Id < (uint)_peers.Length ? _peers[to.Id] : null
            : _clients.GetValueOrDefault(to.Id);
        if (_writing is null)
        {
            if (_scratch.Length < maxBytes)
            {
                _scratch = new byte[maxBytes];
            }

            return _scratch.AsSpan(0, maxBytes);
        }

        if (!_writing.IsDirty)
        {
            _writing.IsDirty = true;
            _dirty.Add(_writing);
        }

        return _writing.Begin(maxBytes, held);
    }

    private void Named(NodeId node, string address)
    {
        lock (_namedPeers)
        {
            _namedPeers[node] = address;
            _named?.Invoke(node, address);
        }
    }

    private void Bring(Input input)
    {
        _inbox.Enqueue(input);
        RunHere();
    }

    private void Handle(Input input)
    {
        switch (input.Kind)
        {
            case InputKind.Frame:
                HandleFrame(input);
                break;
            case InputKind.Opened when input.Stream!.Outbox is { } outbox:
                _clients.Add(input.From.Id, outbox);
                _core.LinkUp(input.From, this);
                break;
            case InputKind.Closed when input.Stream!.Outbox is not null:
                _clients.Remove(input.From.Id);
                _core.LinkDown(input.From, this);
                break;
            case InputKind.PeerUp:
                _peers[input.From.Id] = input.Outbox;
                _core.LinkUp(input.From, this);
                break;
            case InputKind.PeerDown:
                _peers[input.From.Id] = null;
                _core.LinkDown(input.From, this);
                break;
            case InputKind.Report:
                _core.Report(input.Sink!);
                input.Done!.SetResult();
                break;
            case InputKind.Start:
                _core.Start(new CoreTime(LoopClock.MonotonicMicros(_time), LoopClock.WallMicros(_time)),
                    this);
                break;
            default:
                // A peer's incoming stream carries frames; the link to the peer is the outgoing one.
                break;
        }
    }

    private void HandleFrame(in Input input)
    {
        var messages = new FrameReader(input.Frame);
        while (input.Stream?.Failure is null && messages.TryNext(out var message))
        {
            if (!_core.Receive(input.From, message, this))
            {
                input.Stream?.Fail("malformed message");
            }
        }

        input.Stream?.Unhandled.Leave(input.Frame.Length);
    }

    // Messages that waited for the disk leave before the core hears of it, so that they keep their place
    // before its next.
    private void AnnounceDurable()
    {
        var durable = _log.Durable;
        if (durable.Value <= _announced)
        {
            return;
        }

        Volatile.Write(ref _announced, durable.Value);
        while (_held.TryPeek(out var held) && held.After <= durable.Value)
        {
            _held.Dequeue();
            held.Outbox.Release(held.Segment);
            if (!held.Outbox.IsDirty)
            {
                held.Outbox.IsDirty = true;
                _dirty.Add(held.Outbox);
            }
        }

        _core.StorageDone(durable, this);
    }

    private void Publish()
    {
        foreach (var outbox in _dirty)
        {
            outbox.IsDirty = false;
            outbox.TakeHeld(_taken);
            foreach (var segment in _taken)
            {
                _held.Enqueue(new Held(_log.Appended.Value, outbox, segment));
            }

            _taken.Clear();
            outbox.Publish();
        }

        _dirty.Clear();
    }

    private enum InputKind : byte
    {
        Start,
        Frame,
        Opened,
        Closed,
        PeerUp,
        PeerDown,
        Report,
    }

    /// <summary>A part of a frame that may leave once the log is durable up to a record.</summary>
    private readonly record struct Held(long After, Outbox Outbox, Segment Segment);

    private readonly record struct Input(InputKind Kind, Endpoint From)
    {
        public ServerStream? Stream { get; init; }

        public ReadOnlyMemory<byte> Frame { get; init; }

        public Outbox? Outbox { get; init; }

        public IStatusSink? Sink { get; init; }

        public TaskCompletionSource? Done { get; init; }
    }
}
