using System.Runtime.ExceptionServices;
using Testbed.Client;
using Testbed.Workloads;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// Sends operations and takes their completions, without threads of its own. Whoever has news (a client's
/// loop with a completion, the pacer with an arrival that is due) calls <see cref="Pump"/>; one caller at a
/// time becomes the owner and does everything there is to do, the others leave their news and go. So all
/// state but the list of finished slots has one writer, no caller ever blocks, and a client that completes
/// inline does not recurse.
/// </summary>
internal sealed class LoadEngine
{
    private readonly IKvClient _client;
    private readonly OperationReporter _reporter;
    private readonly LoadOptions _options;
    private readonly KeyTable _keys;
    private readonly int _maxKeyBytes;
    private readonly int _fieldCount;
    private readonly LoadSlot[] _slots;
    private readonly Stack<LoadSlot> _free;
    private LoadSlot? _finished;
    private LoadPhase? _phase;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _abandon;
    private int _owner;
    private int _inFlight;
    private int _nextProcess;
    private long _writes;
    private long _latestEndNanos = long.MinValue;

    public LoadEngine(
        IKvClient client, WorkloadSpec spec, LoadOptions options, IOperationSink sink, LoadClock clock,
        int slots)
    {
        _client = client;
        _reporter = new OperationReporter(sink);
        _options = options;
        Clock = clock;
        Keys = spec.CreateKeyFormat();
        _keys = new KeyTable(Keys, spec.RecordCount);
        _maxKeyBytes = Keys.MaxKeyBytes;
        _fieldCount = spec.FieldCount;
        _slots = new LoadSlot[slots];
        _free = new Stack<LoadSlot>(slots);
        for (var i = slots - 1; i >= 0; i--)
        {
            _slots[i] = new LoadSlot(this, i, _maxKeyBytes);
            _free.Push(_slots[i]);
        }

        _nextProcess = slots;
    }

    public LoadClock Clock { get; }

    /// <summary>How the keys of this run are named.</summary>
    public KeyFormat Keys { get; }

    public LoadCounters Counters => _reporter.Counters;

    public WrittenKeys Written { get; } = new();

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>True when completions wait to be taken.</summary>
    public bool HasFinished => Volatile.Read(ref _finished) is not null;

    /// <summary>Begins a phase; the one before it is done.</summary>
    public void Start(LoadPhase phase)
    {
        _reporter.Counters = new LoadCounters { StartNanos = Clock.NowNanos };
        _abandon = false;
        Volatile.Write(ref _phase, phase);
    }

    /// <summary>Does what there is to do, unless another thread is at it and will.</summary>
    public void Pump()
    {
        while (Volatile.Read(ref _owner) == 0 && Interlocked.CompareExchange(ref _owner, 1, 0) == 0)
        {
            RunOwned();
            Interlocked.Exchange(ref _owner, 0);

            // A slot that finished after the last look and before the release found an owner and left: look
            // again.
            if (Volatile.Read(ref _finished) is null)
            {
                return;
            }
        }
    }

    /// <summary>From any thread: the slot's request ended.</summary>
    public void Finished(LoadSlot slot)
    {
        var head = Volatile.Read(ref _finished);
        while (true)
        {
            slot.NextFinished = head;
            var seen = Interlocked.CompareExchange(ref _finished, slot, head);
            if (ReferenceEquals(seen, head))
            {
                break;
            }

            head = seen;
        }

        Pump();
    }

    /// <summary>Gives up what is still in flight: it counts as unknown.</summary>
    public void Abandon()
    {
        _abandon = true;
        Pump();
    }

    /// <summary>
    /// True when the phase has begun all it will and everything ended; then its counters may be read.
    /// </summary>
    public bool IsQuiet()
    {
        if (Interlocked.CompareExchange(ref _owner, 1, 0) != 0)
        {
            return false;
        }

        var exhausted = _failure is not null || _phase is not { } phase || phase.IsExhausted;
        var quiet = exhausted && _inFlight == 0 && _finished is null;
        if (quiet)
        {
            Counters.EndNanos = Math.Max(Counters.EndNanos, Counters.StartNanos);
            _phase = null;
        }

        Interlocked.Exchange(ref _owner, 0);
        return quiet;
    }

    /// <summary>Throws what the sink or the client threw, if they did.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    /// <summary>Owner: a slot that is free; false when there is none.</summary>
    public bool TryTake(out LoadSlot slot) => _free.TryPop(out slot!);

    /// <summary>Owner: the slot is not needed any more.</summary>
    public void Release(LoadSlot slot) => _free.Push(slot);

    /// <summary>Owner: records an operation that was not sent because too many are in flight.</summary>
    public void Shed(in Workload operation, long intendedNanos, long nowNanos) =>
        _reporter.Shed(operation, intendedNanos, nowNanos);

    /// <summary>Owner: sends an operation's first request.</summary>
    public void Begin(LoadSlot slot, in Workload operation, long intendedNanos, long startNanos)
    {
        slot.Work = operation;
        slot.IntendedNanos = intendedNanos;
        slot.StartNanos = startNanos;
        slot.FirstDegraded = false;
        slot.Key = _keys.Name(operation.Key, slot.KeyBuffer, out slot.KeyHash);
        Counters.Attempted++;
        switch (operation.Type)
        {
            case WorkloadOperationType.Read or WorkloadOperationType.ReadModifyWrite:
            case WorkloadOperationType.Update when operation.IsPartial:
                slot.Kind = OperationKind.Get;
                break;
            case WorkloadOperationType.Scan:
                slot.Kind = OperationKind.Scan;
                slot.ScanLimit = operation.ScanLength;
                break;
            case WorkloadOperationType.Delete:
                slot.Kind = OperationKind.Delete;
                Written.Mark(operation.Key);
                break;
            default:
                PreparePut(slot, partial: false);
                break;
        }

        Send(slot, startNanos);
    }

    private void PreparePut(LoadSlot slot, bool partial)
    {
        slot.Kind = OperationKind.Put;
        slot.WriteIdentity = RecordValue.Identity(_options.Writer, ++_writes);
        Written.Mark(slot.Work.Key);
        if (partial)
        {
            // The record read lies in the slot's buffer already.
            var record = slot.ValueBuffer(slot.Result.Length);
            RecordValue.Merge(
                record.Span, slot.Work.Field, _fieldCount, slot.WriteIdentity, slot.KeyHash);
            slot.Value = record;
            return;
        }

        var value = slot.ValueBuffer(slot.Work.ValueBytes);
        RecordValue.Fill(value.Span, slot.WriteIdentity, slot.KeyHash);
        slot.Value = value;
    }

    private void Send(LoadSlot slot, long nowNanos)
    {
        // A request that follows another one begins when that ended; but the history wants no beginning
        // before an end it has been told, and the request is sent later than any of those.
        slot.RequestNanos = Math.Max(nowNanos, _latestEndNanos);
        slot.TimeoutMicros = _options.TimeoutMicros;
        _reporter.Sending(slot);
        slot.InFlight = true;
        Volatile.Write(ref _inFlight, _inFlight + 1);
        Counters.MaxInFlight = Math.Max(Counters.MaxInFlight, _inFlight);
        _client.Submit(slot);
    }

    private void RunOwned()
    {
        var busy = true;
        while (busy)
        {
            busy = TakeFinished();
            if (_abandon)
            {
                AbandonAll();
            }

            if (_failure is null && _phase is { } phase)
            {
                try
                {
                    busy |= phase.Dispatch();
                }
                catch (Exception exception)
                {
                    Fail(exception);
                }
            }
        }
    }

    // Thrown on a client's loop it would take the process down; the phase's task throws it instead. What is
    // in flight is still waited for, but not reported any more.
    private void Fail(Exception exception)
    {
        _failure ??= ExceptionDispatchInfo.Capture(exception);
        _phase?.Stop();
    }

    private bool TakeFinished()
    {
        if (Volatile.Read(ref _finished) is null)
        {
            return false;
        }

        // The list is last in, first out; histories and restarts should follow the order of completion.
        LoadSlot? inOrder = null;
        for (var slot = Interlocked.Exchange(ref _finished, null); slot is not null;)
        {
            var next = slot.NextFinished;
            slot.NextFinished = inOrder;
            inOrder = slot;
            slot = next;
        }

        while (inOrder is { } slot)
        {
            inOrder = slot.NextFinished;
            slot.NextFinished = null;
            if (slot.Abandoned)
            {
                continue;
            }

            slot.InFlight = false;
            Volatile.Write(ref _inFlight, _inFlight - 1);
            try
            {
                Ended(slot);
            }
            catch (Exception exception)
            {
                Fail(exception);
            }
        }

        return true;
    }

    private void Ended(LoadSlot slot)
    {
        if (_failure is not null)
        {
            return;
        }

        _latestEndNanos = Math.Max(_latestEndNanos, slot.EndNanos);
        if (_reporter.Answered(slot))
        {
            slot.Process = _nextProcess++;
        }

        if (slot.Kind == OperationKind.Get && slot.Work.Type != WorkloadOperationType.Read && GoesOn(slot))
        {
            slot.FirstDegraded = slot.Degraded;
            PreparePut(slot, slot.Work.IsPartial && slot.Outcome == Outcome.Ok);
            Send(slot, slot.EndNanos);
            return;
        }

        var outcome = _reporter.Ended(slot);
        _phase!.Ended(slot, outcome);
    }

    // After the read of two: a read-modify-write needs the record; an update of one field writes a whole
    // record if there is none.
    private static bool GoesOn(LoadSlot slot) =>
        slot.Outcome == Outcome.Ok
            ? slot.Check == RecordCheck.Whole
            : slot.Outcome == Outcome.NotFound && slot.Work.Type == WorkloadOperationType.Update;

    private void AbandonAll()
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            var slot = _slots[i];
            if (!slot.InFlight)
            {
                continue;
            }

            // The client still holds the slot and may end it later: it is never used again, so that nothing
            // is mixed up.
            slot.InFlight = false;
            slot.Abandoned = true;
            Volatile.Write(ref _inFlight, _inFlight - 1);
            Counters.Abandoned++;
            _slots[i] = new LoadSlot(this, _nextProcess++, _maxKeyBytes);
            _phase?.Gone();
            _free.Push(_slots[i]);
            if (_failure is null)
            {
                try
                {
                    _latestEndNanos = Math.Max(_latestEndNanos, Clock.NowNanos);
                    _reporter.Abandoned(slot, _latestEndNanos);
                }
                catch (Exception exception)
                {
                    Fail(exception);
                }
            }
        }
    }
}
