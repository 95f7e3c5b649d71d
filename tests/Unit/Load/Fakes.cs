using System.Text;
using Testbed.Checker;
using Testbed.Client;
using Testbed.Harness.Load;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Tests.Unit.Load;

/// <summary>A clock moved by hand.</summary>
internal sealed class ManualClock : LoadClock
{
    public long Nanos { get; set; }

    public override long NowNanos => Nanos;
}

/// <summary>Keeps everything; fails the test when two threads are in it at once.</summary>
internal sealed class RecordingSink : IOperationSink
{
    private int _inside;

    public List<CompletedOperation> Operations { get; } = [];

    public List<HistoryOperation> Entries { get; } = [];

    /// <summary>What the history is told, in the order of telling.</summary>
    public List<HistoryEvent> Events { get; } = [];

    public bool Overlapped { get; private set; }

    public void Invoked(in HistoryEvent invocation)
    {
        Overlapped |= Interlocked.Exchange(ref _inside, 1) != 0;
        Events.Add(invocation);
        Volatile.Write(ref _inside, 0);
    }

    public void Completed(in CompletedOperation op)
    {
        Overlapped |= Interlocked.Exchange(ref _inside, 1) != 0;
        Operations.Add(op);
        Volatile.Write(ref _inside, 0);
    }

    public void History(in HistoryOperation op)
    {
        Overlapped |= Interlocked.Exchange(ref _inside, 1) != 0;
        Entries.Add(op);
        Events.Add(HistoryEvent.Completion(op));
        Volatile.Write(ref _inside, 0);
    }
}

/// <summary>Counts only, so that it allocates nothing.</summary>
internal sealed class CountingSink : IOperationSink
{
    public long Operations { get; private set; }

    public long Entries { get; private set; }

    public void Completed(in CompletedOperation op) => Operations++;

    public void Invoked(in HistoryEvent invocation)
    {
    }

    public void History(in HistoryOperation op) => Entries++;
}

/// <summary>
/// A store in memory behind the client's interface. Operations end at once, or wait until the test ends them;
/// a script may decide the outcome instead of the store.
/// </summary>
internal sealed class MemoryClient : IKvClient
{
    private readonly Lock _lock = new();

    public SortedDictionary<string, byte[]> Records { get; } = new(StringComparer.Ordinal);

    public Queue<KvOperation> Pending { get; } = new();

    public List<(OperationKind Kind, string Key)> Submitted { get; } = [];

    /// <summary>True: operations wait in <see cref="Pending"/>.</summary>
    public bool Manual { get; set; }

    /// <summary>Decides outcomes; null leaves it to the store.</summary>
    public Func<KvOperation, Outcome?>? Script { get; set; }

    public void Submit(KvOperation operation)
    {
        lock (_lock)
        {
            Submitted.Add((operation.Kind, Encoding.ASCII.GetString(operation.Key.Span)));
            if (Manual)
            {
                Pending.Enqueue(operation);
                return;
            }
        }

        Apply(operation);
    }

    public void EndOne()
    {
        KvOperation operation;
        lock (_lock)
        {
            operation = Pending.Dequeue();
        }

        Apply(operation);
    }

    public void EndAll()
    {
        while (Pending.Count > 0)
        {
            EndOne();
        }
    }

    public IReadOnlyDictionary<string, long> Counters() => new Dictionary<string, long>();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Apply(KvOperation operation)
    {
        if (Script?.Invoke(operation) is { } outcome)
        {
            operation.CompleteAs(outcome, reason: "scripted");
            return;
        }

        var key = Encoding.ASCII.GetString(operation.Key.Span);
        byte[]? found;
        lock (_lock)
        {
            Records.TryGetValue(key, out found);
            if (operation.Kind == OperationKind.Put)
            {
                Records[key] = operation.Value.ToArray();
            }
            else if (operation.Kind == OperationKind.Delete)
            {
                Records.Remove(key);
            }
        }

        if (operation.Kind == OperationKind.Scan)
        {
            operation.Entries = [.. Records.Where(r => string.CompareOrdinal(r.Key, key) >= 0)
                .Take(operation.ScanLimit).Select(r => new KeyValue(Encoding.ASCII.GetBytes(r.Key), r.Value))];
            operation.Outcome = Outcome.Ok;
            operation.OnCompleted();
            return;
        }

        var isGet = operation.Kind == OperationKind.Get;
        operation.CompleteAs(isGet && found is null ? Outcome.NotFound : Outcome.Ok, isGet ? found : null);
    }
}

/// <summary>A generator with manual clock and fakes, driven step by step.</summary>
internal sealed class Bench
{
    public Bench(string workload, LoadOptions options, params string[] overrides)
        : this(WorkloadSpec.Parse(WorkloadFile.Shipped(workload)!, ["recordcount=100", .. overrides]).Spec!, options)
    {
    }

    public Bench(WorkloadSpec spec, LoadOptions options)
    {
        Spec = spec;
        Generator = new LoadGenerator(Client, Spec, options, Sink, Clock);
    }

    public ManualClock Clock { get; } = new();

    public MemoryClient Client { get; } = new();

    public RecordingSink Sink { get; } = new();

    public WorkloadSpec Spec { get; }

    public LoadGenerator Generator { get; }

    public LoadEngine Engine => Generator.Engine;

    public LoadCounters Counters => Engine.Counters;

    /// <summary>Loads all records, each at its own time.</summary>
    public void LoadAll()
    {
        Begin(Generator.CreateInsertPhase());
        Assert.True(Engine.IsQuiet());
        Clock.Nanos += 1_000;
    }

    public T Begin<T>(T phase)
        where T : LoadPhase
    {
        Engine.Start(phase);
        Engine.Pump();
        return phase;
    }

    public void Pass(long nanos)
    {
        Clock.Nanos += nanos;
        Engine.Pump();
    }

    public ReadOnlySpan<HistoryOperation> EntriesFrom(int index) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Sink.Entries)[index..];
}
