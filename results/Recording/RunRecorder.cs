namespace Testbed.Results;

/// <summary>
/// Records a run: workers hand over completed operations, one collector thread turns them into windows,
/// histograms per phase and the status line, and streams <c>windows.csv</c> and <c>histograms.hlog</c>.
/// </summary>
/// <remarks>
/// A window is written once it is <see cref="HoldNanos"/> old; until then its operations are kept one by one,
/// so that a phase may be set a little after it began (a fault is known once it is applied). Operations that
/// end later than that get further rows for their window, at the end of the file.
/// </remarks>
public sealed class RunRecorder : IDisposable
{
    /// <summary>The made-up phase of all that was measured: everything but load, warm-up and drain.</summary>
    public const string MeasuredPhase = "measured";

    /// <summary>Age at which a window is written.</summary>
    public const long HoldNanos = 5_000_000_000;

    /// <summary>
    /// Chunks of 1,024 operations that may wait for the collector, 2 million operations; then workers wait.
    /// </summary>
    internal const int MaxChunks = 2048;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly Func<long> _nowNanos;
    private readonly string _latencyPath;
    private readonly CsvAppender<WindowRow> _windowsFile;
    private readonly HistogramLog _log;
    private readonly List<WorkerRecorder> _workers = [];
    private readonly OpenWindows _windows = new();
    private readonly PhaseBook _phases = new();
    private readonly LiveMeter _meter = new();
    private readonly Dictionary<string, long> _reasons = [];
    private readonly Lock _chunkGate = new();
    private readonly Stack<WorkerRecorder.Chunk> _chunks = new(MaxChunks);
    private readonly ManualResetEventSlim _stop = new(false);
    private readonly Action<ReadOnlySpan<CompletedOperation>> _take;
    private Thread? _thread;
    private LiveFigures _live;
    private long[] _scratch = new long[1024];
    private int _chunksMade;
    private long _clamped;
    private string? _problem;
    private bool _finished;

    /// <summary>Begins the files of the folder.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="startedUtc">When the run's clock was 0.</param>
    /// <param name="nowNanos">The run's clock.</param>
    public RunRecorder(RunFolder folder, DateTimeOffset startedUtc, Func<long> nowNanos)
    {
        _nowNanos = nowNanos;
        _latencyPath = folder.LatencyPath;
        _windowsFile = new CsvAppender<WindowRow>(folder.WindowsPath);
        _log = new HistogramLog(folder.HistogramsPath, startedUtc);
        _take = Take;
        _live = _meter.Figures;
    }

    /// <summary>The newest figures for a status line; any thread may ask.</summary>
    public LiveFigures Live => Volatile.Read(ref _live);

    /// <summary>A recorder for one worker; any thread may ask for one at any time.</summary>
    public WorkerRecorder CreateWorker()
    {
        var worker = new WorkerRecorder(this, TakeChunk());
        lock (_gate)
        {
            _workers.Add(worker);
        }

        return worker;
    }

    /// <summary>Starts the collector thread.</summary>
    public void Start()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "run recorder" };
        _thread.Start();
    }

    /// <summary>
    /// Begins a phase. Operations belong to the phase of their intended start. Phases come in order; a phase
    /// should be set less than <see cref="HoldNanos"/> after it began.
    /// </summary>
    public void SetPhase(string name, long startNanos)
    {
        lock (_gate)
        {
            _phases.Begin(name, startNanos);
        }
    }

    /// <summary>
    /// Takes in everything that workers recorded (they must have stopped), writes the rest, and sums up.
    /// </summary>
    public RunFigures Finish(long endNanos)
    {
        StopThread();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_finished, this);
            _finished = true;
            Drain(endNanos);
            WriteOut(_windows.TakeAll());
            var summing = new FigureSummary(_phases, endNanos);
            Guard(() =>
            {
                _windowsFile.Complete();
                _log.Complete();
                CsvRows.Write(_latencyPath, summing.LatencyRows());
            });
            return summing.ToFigures(_reasons, _clamped, _problem);
        }
    }

    /// <summary>
    /// Stops the collector; unless finished the files stay partial, with all that was collected.
    /// </summary>
    public void Dispose()
    {
        StopThread();
        lock (_gate)
        {
            if (!_finished)
            {
                _finished = true;
                Drain(_nowNanos());
                WriteOut(_windows.TakeAll());
            }
        }

        Guard(_windowsFile.Dispose);
        Guard(_log.Dispose);
        _stop.Dispose();
    }

    /// <summary>One turn of the collector.</summary>
    internal void Collect(long nowNanos)
    {
        lock (_gate)
        {
            Drain(nowNanos);
            WriteOut(_windows.TakeUntil(nowNanos - HoldNanos));
        }
    }

    internal WorkerRecorder.Chunk TakeChunk()
    {
        while (true)
        {
            lock (_chunkGate)
            {
                if (_chunks.TryPop(out var chunk))
                {
                    return chunk;
                }

                if (_chunksMade < MaxChunks)
                {
                    _chunksMade++;
                    return new WorkerRecorder.Chunk();
                }
            }

            Thread.Sleep(1);
        }
    }

    internal void GiveBack(WorkerRecorder.Chunk chunk)
    {
        chunk.Count = 0;
        chunk.Next = null;
        lock (_chunkGate)
        {
            _chunks.Push(chunk);
        }
    }

    private void Run()
    {
        while (!_stop.Wait(Interval))
        {
            Collect(_nowNanos());
        }
    }

    private void StopThread()
    {
        if (_thread is { } thread)
        {
            _stop.Set();
            thread.Join();
            _thread = null;
        }
    }

    private void Drain(long nowNanos)
    {
        foreach (var worker in _workers)
        {
            worker.Drain(_take);
        }

        _meter.Tick(nowNanos, _phases.Current);
        Volatile.Write(ref _live, _meter.Figures);
    }

    private void Take(ReadOnlySpan<CompletedOperation> operations)
    {
        foreach (ref readonly var operation in operations)
        {
            var shed = operation.Outcome == OperationOutcome.Shed;
            var latency = shed ? 0 : Clamp(operation.EndNanos - operation.IntendedNanos);
            var service = shed ? 0 : Clamp(operation.EndNanos - operation.StartNanos);
            _meter.Add(operation.Type, operation.Outcome, latency);
            if (operation.Reason is { } reason)
            {
                _reasons[reason] = _reasons.GetValueOrDefault(reason) + 1;
            }

            _windows.Add(
                operation.IntendedNanos, Window.CellOf(operation.Type, operation.Outcome), operation.Degraded,
                latency, service);
        }
    }

    private long Clamp(long nanos)
    {
        var clamped = Math.Clamp(nanos, 0, Histograms.HighestNanos);
        _clamped += clamped == nanos ? 0 : 1;
        return clamped;
    }

    private void WriteOut(IEnumerable<Window> windows)
    {
        var any = false;
        foreach (var window in windows)
        {
            any = true;
            AddToPhases(window);
            Guard(() => WriteWindow(window));
            _windows.Recycle(window);
        }

        if (any)
        {
            Guard(() =>
            {
                _windowsFile.Flush();
                _log.Flush();
            });
        }
    }

    private void AddToPhases(Window window)
    {
        var start = window.Index * Window.Nanos;
        // Nearly always the whole window lies in one phase.
        var first = _phases.At(start);
        var whole = first == _phases.At(start + Window.Nanos - 1);
        for (var i = 0; i < Window.CellCount; i++)
        {
            if (window.Cells[i] is not { Count: > 0 } cell)
            {
                continue;
            }

            foreach (ref readonly var sample in cell.Samples)
            {
                var phase = _phases.Cell(whole ? first : _phases.At(start + sample.OffsetNanos), i);
                if (Window.OutcomeOf(i) == OperationOutcome.Shed)
                {
                    phase.Count++;
                }
                else
                {
                    phase.Add(sample);
                }
            }
        }
    }

    private void WriteWindow(Window window)
    {
        var start = window.Index * Window.Nanos;
        var phase = _phases.At(start);
        for (var i = 0; i < Window.CellCount; i++)
        {
            if (window.Cells[i] is not { Count: > 0 } cell)
            {
                continue;
            }

            var (l50, l99, lMax) = Ranks(cell, latency: true);
            var (s50, s99, _) = Ranks(cell, latency: false);
            var timed = Window.OutcomeOf(i) != OperationOutcome.Shed;
            _windowsFile.Append(new WindowRow(
                start, phase, OperationNames.Of(Window.TypeOf(i)), OutcomeNames.Of(Window.OutcomeOf(i)), cell.Count,
                timed ? l50 : null, timed ? l99 : null, timed ? lMax : null, timed ? s50 : null, timed ? s99 : null));
        }

        _log.Add(window);
    }

    /// <summary>Exact p50, p99 and maximum (nearest rank) in microseconds.</summary>
    private (double P50, double P99, double Max) Ranks(WindowCell cell, bool latency)
    {
        if (_scratch.Length < cell.Count)
        {
            _scratch = new long[cell.Count * 2];
        }

        var values = _scratch.AsSpan(0, cell.Count);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = latency ? cell.Samples[i].LatencyNanos : cell.Samples[i].ServiceNanos;
        }

        values.Sort();
        return (
            Histograms.Micros(values[(int)Math.Ceiling(values.Length * 0.50) - 1]),
            Histograms.Micros(values[(int)Math.Ceiling(values.Length * 0.99) - 1]),
            Histograms.Micros(values[^1]));
    }

    /// <summary>
    /// A file that cannot be written must not end the run: the figures in memory are still whole.
    /// </summary>
    private void Guard(Action write)
    {
        try
        {
            if (_problem is null)
            {
                write();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ResultsException)
        {
            _problem = $"Figures could not be written: {e.Message}";
        }
    }
}
