using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Text;
using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Client;

/// <summary>
/// Drives one client core: submissions from any thread, frames from one stream per node, time. See
/// <see cref="OwnerLoop"/> for who runs it; submissions from outside go to the loop's own thread, so that a
/// load generator's schedule never pays for the answers of others.
/// </summary>
internal sealed class KvClient : OwnerLoop, IKvClient, IClientOutput, ILinkOwner
{
    private const int FramesPerBatch = 64;
    private const int SubmissionsPerBatch = 1024;
    private const long OutgoingLimitBytes = 256L * 1024 * 1024;

    // While operations are outstanding their timeouts are seen within this time.
    private const int BusySleepMillis = 1;

    // A core may have rounds to finish after the last completion; then the client sleeps until somebody
    // submits.
    private const int IdleSleepMillis = 5;
    private const long WorkAfterLastMicros = 2_000_000;
    private const int AsleepMillis = 1_000;

    private readonly IClientCore _core;
    private readonly TimeProvider _time;
    private readonly BufferPool _pool = new();
    private readonly ByteCounters _network = new();
    private readonly ByteCounters _traffic = new();
    private readonly KvClientOptions _options;
    private readonly LinkSettings _linkSettings;

    // Locked; at most Limits.Nodes. Nodes that were added to the cluster come to it while it runs.
    private readonly List<(StreamLink Link, Task Task)> _links = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Input> _inbox = new();

    // A stack linked through the operations; the owner takes all and turns it round.
    private KvOperation? _submitted;

    // Owner only, from here on.
    private readonly Queue<KvOperation> _waiting = new();
    private readonly KvOperation?[] _slots;
    private readonly Stack<int> _freeSlots;
    private readonly Outbox?[] _outboxes;
    private readonly List<Outbox> _dirty = [];
    private byte[] _scratch = new byte[4096];
    private Outbox? _writing;
    private long _nowMicros;
    private long _lastCompletionMicros;
    private bool _closed;

    private int _outstanding;
    private int _disposed;
    private IReadOnlyDictionary<string, long> _counters = new Dictionary<string, long>();

    public KvClient(KvClientOptions options, IClientCore core, TimeProvider time)
        : base("testbed client")
    {
        _core = core;
        _time = time;
        _slots = new KvOperation?[options.MaxInFlight];
        _freeSlots = new Stack<int>(Enumerable.Range(0, options.MaxInFlight).Reverse());
        _outboxes = new Outbox?[Limits.Nodes];
        _options = options;
        _linkSettings = new LinkSettings
        {
            Pool = _pool,
            Network = _network,
            Traffic = _traffic,
            OutgoingLimitBytes = OutgoingLimitBytes,
            Seed = options.Seed,
        };
        StartThread();
        for (var node = 0; node < options.Nodes.Count; node++)
        {
            Open(node, options.Nodes[node]);
        }
    }

    protected override bool HasInput =>
        !_inbox.IsEmpty || Volatile.Read(ref _submitted) is not null || _waiting.Count > 0;

    protected override int SleepMillis
    {
        get
        {
            if (Volatile.Read(ref _outstanding) > 0)
            {
                return BusySleepMillis;
            }

            var idle = NowMicros() - Volatile.Read(ref _lastCompletionMicros);
            return idle < WorkAfterLastMicros ? IdleSleepMillis : AsleepMillis;
        }
    }

    public void Submit(KvOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        operation.DeadlineMicros = NowMicros() + operation.TimeoutMicros;
        if (IsOwner)
        {
            // From a completion: begun before the owner leaves, without any fence.
            _waiting.Enqueue(operation);
            return;
        }

        KvOperation? first;
        do
        {
            first = Volatile.Read(ref _submitted);
            operation.Next = first;
        }
        while (Interlocked.CompareExchange(ref _submitted, operation, first) != first);

        if (Volatile.Read(ref _disposed) != 0)
        {
            // The own thread is gone or going: whoever submits ends what is left, as failed.
            RunHere();
            return;
        }

        Wake();
    }

    public IReadOnlyDictionary<string, long> Counters()
    {
        if (Volatile.Read(ref _disposed) == 0 && !IsOwner)
        {
            using var done = new ManualResetEventSlim();
            _inbox.Enqueue(new Input(InputKind.Report, null, default, null, done));
            Wake();
            done.Wait(TimeSpan.FromSeconds(1));
        }

        return _counters;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        (StreamLink Link, Task Task)[] links;
        lock (_links)
        {
            links = [.. _links];
        }

        await Task.WhenAll(links.Select(l => l.Task)).ConfigureAwait(false);
        StopThread();
        _inbox.Enqueue(new Input(InputKind.Close, null, default, null, null));
        while (HasInput)
        {
            RunHere();
        }

        foreach (var (link, _) in links)
        {
            link.Dispose();
        }

        _stop.Dispose();
    }

    void ILinkOwner.LinkUp(StreamLink link, Outbox outbox) =>
        Bring(new Input(InputKind.LinkUp, link, default, outbox, null));

    void ILinkOwner.LinkDown(StreamLink link, string reason) =>
        Bring(new Input(InputKind.LinkDown, link, default, null, null));

    void ILinkOwner.Received(StreamLink link, ReadOnlyMemory<byte> frame) =>
        Bring(new Input(InputKind.Frame, link, frame, null, null));

    void IClientOutput.Node(NodeId node, ReadOnlySpan<byte> address) =>
        Open(node.Index, Encoding.ASCII.GetString(address));

    Span<byte> IClientOutput.Begin(NodeId to, int maxBytes)
    {
        _writing = _outboxes[to.Index];
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

        return _writing.Begin(maxBytes, held: false);
    }

    void IClientOutput.End(int writtenBytes) => _writing?.End(writtenBytes);

    void IClientOutput.Complete(int slot, in ClientResult result)
    {
        var operation = _slots[slot]
            ?? throw new InvariantViolation("a client core completes an operation once");
        _slots[slot] = null;
        _freeSlots.Push(slot);
        Interlocked.Decrement(ref _outstanding);
        End(operation, result);
    }

    protected override void RunBatch()
    {
        _nowMicros = NowMicros();
        if (!_closed)
        {
            _core.Tick(new CoreTime(_nowMicros, LoopClock.WallMicros(_time)), this);
        }

        for (var frames = 0; frames < FramesPerBatch && _inbox.TryDequeue(out var input); frames++)
        {
            Handle(input);
        }

        TakeSubmitted();
        for (var begun = 0; begun < SubmissionsPerBatch && _waiting.TryDequeue(out var operation); begun++)
        {
            Begin(operation);
        }

        foreach (var outbox in _dirty)
        {
            outbox.IsDirty = false;
            outbox.Publish();
        }

        _dirty.Clear();
    }

    // Nothing it says can be trusted any more: the process ends as by any unhandled exception, seen by its
    // handlers.
    protected override void OnFault(Exception fault) =>
        new Thread(() => ExceptionDispatchInfo.Throw(fault)) { Name = "testbed client fault" }.Start();

    private void Open(int node, string address)
    {
        lock (_links)
        {
            // What a cluster was told by an operator may be no address at all.
            if (_stop.IsCancellationRequested || !Uri.IsWellFormedUriString("http://" + address, UriKind.Absolute))
            {
                return;
            }

            var link = new StreamLink(this, _linkSettings, address, Hello(_options, node));
            _links.Add((link, Task.Run(() => link.RunAsync(_stop.Token))));
        }
    }

    private static FrameHello Hello(KvClientOptions options, int node) => new(
        FrameHello.CurrentVersion, options.Strategy, (byte)(options.Founders > 0 ? options.Founders : options.Nodes.Count),
        options.Strategy == "ecc" ? (byte)options.DataElements : (byte)0, EndpointKind.Client, default,
        new NodeId((byte)node));

    private void Bring(Input input)
    {
        _inbox.Enqueue(input);
        RunHere();
    }

    private void Handle(in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.LinkUp or InputKind.LinkDown when _closed:
                break;
            case InputKind.Frame:
                HandleFrame(input.Link!, input.Frame);
                break;
            case InputKind.LinkUp:
                _outboxes[input.Link!.Target.Index] = input.Outbox;
                _core.LinkUp(input.Link.Target, this);
                break;
            case InputKind.LinkDown:
                _outboxes[input.Link!.Target.Index] = null;
                _core.LinkDown(input.Link.Target, this);
                break;
            case InputKind.Report:
                Report();
                input.Done!.Set();
                break;
            default:
                Close();
                break;
        }
    }

    private void HandleFrame(StreamLink link, ReadOnlyMemory<byte> frame)
    {
        var messages = new FrameReader(frame);
        while (!_closed && messages.TryNext(out var message))
        {
            if (!_core.Receive(link.Target, message, this))
            {
                link.Drop();
                break;
            }
        }

        link.Unhandled.Leave(frame.Length);
    }

    private void TakeSubmitted()
    {
        if (Volatile.Read(ref _submitted) is null)
        {
            return;
        }

        KvOperation? turned = null;
        for (var next = Interlocked.Exchange(ref _submitted, null); next is not null;)
        {
            var operation = next;
            next = operation.Next;
            operation.Next = turned;
            turned = operation;
        }

        while (turned is not null)
        {
            var operation = turned;
            turned = operation.Next;
            operation.Next = null;
            _waiting.Enqueue(operation);
        }
    }

    private void Begin(KvOperation operation)
    {
        if (Refusal(operation) is { } refusal)
        {
            End(operation, new ClientResult { Outcome = KvOutcome.Failed, Reason = refusal });
            return;
        }

        var slot = _freeSlots.Pop();
        _slots[slot] = operation;
        Interlocked.Increment(ref _outstanding);
        _core.Submit(slot, new ClientOperation((KvKind)operation.Kind, operation.Key, operation.Value,
            operation.ScanLimit, operation.DeadlineMicros)
        {
            ExpectsValue = operation.ExpectsValue,
            Expected = operation.Expected,
        }, this);
    }

    private string? Refusal(KvOperation operation) => operation switch
    {
        _ when _closed => "client closed",
        _ when _freeSlots.Count == 0 => "client full",
        { Key.Length: > Limits.KeyBytes } => "key too long",
        { Key.Length: 0, Kind: not OperationKind.Scan } => "key empty",
        { Value.Length: > Limits.ValueBytes } => "value too large",
        { Kind: OperationKind.CompareAndSet }
            when operation.Expected.Length > Limits.ValueBytes - operation.Value.Length => "values too large",
        { Kind: OperationKind.Scan, ScanLimit: < 1 or > Limits.ScanKeys } => "scan limit out of range",
        _ => null,
    };

    private void End(KvOperation operation, in ClientResult result)
    {
        operation.Outcome = (Outcome)result.Outcome;
        operation.Result = result.Value;
        operation.Entries = result.Entries is null ? null : new EntryList(result.Entries);
        operation.Reason = result.Reason;
        operation.Rounds = result.Rounds;
        operation.Degraded = result.Degraded;
        Volatile.Write(ref _lastCompletionMicros, _nowMicros);
        operation.OnCompleted();
    }

    // What is outstanding may or may not have reached a node; a read has no effect either way.
    private void Close()
    {
        _closed = true;
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            if (_slots[slot] is not { } operation)
            {
                continue;
            }

            _slots[slot] = null;
            Interlocked.Decrement(ref _outstanding);
            var reads = operation.Kind is OperationKind.Get or OperationKind.Scan;
            End(operation, new ClientResult
            {
                Outcome = reads ? KvOutcome.Failed : KvOutcome.Unknown,
                Reason = "client closed",
            });
        }
    }

    private void Report()
    {
        var sink = new CounterSink();
        sink.Counter("network_rx_bytes", _network.Received);
        sink.Counter("network_tx_bytes", _network.Sent);
        sink.Counter("frames_rx_bytes", _traffic.Received);
        sink.Counter("frames_tx_bytes", _traffic.Sent);
        sink.Gauge("outstanding", Volatile.Read(ref _outstanding));
        _core.Report(sink);
        _counters = sink.Values;
    }

    private long NowMicros() => LoopClock.MonotonicMicros(_time);

    private enum InputKind : byte
    {
        Frame,
        LinkUp,
        LinkDown,
        Report,
        Close,
    }

    private readonly record struct Input(
        InputKind Kind, StreamLink? Link, ReadOnlyMemory<byte> Frame, Outbox? Outbox,
        ManualResetEventSlim? Done);

    private sealed class CounterSink : IStatusSink
    {
        public Dictionary<string, long> Values { get; } = new(StringComparer.Ordinal);

        public void Gauge(string name, long value) => Values[name] = value;

        public void Counter(string name, long value) => Values[name] = value;

        public void Text(string name, string value)
        {
            // The client's counters are numbers; words are for nodes.
        }
    }
}
