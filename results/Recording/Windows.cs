namespace Testbed.Results;

/// <summary>One operation inside a window.</summary>
/// <param name="OffsetNanos">Intended start behind the window's beginning.</param>
/// <param name="Degraded">It was degraded.</param>
/// <param name="LatencyNanos">Latency; lag is the difference to the service time.</param>
/// <param name="ServiceNanos">Service time.</param>
internal readonly record struct Sample(int OffsetNanos, bool Degraded, long LatencyNanos, long ServiceNanos);

/// <summary>Operations of one type and outcome in one window. The memory is used again.</summary>
internal sealed class WindowCell
{
    private Sample[] _samples = new Sample[16];

    public int Count { get; private set; }

    public ReadOnlySpan<Sample> Samples => _samples.AsSpan(0, Count);

    public void Add(in Sample sample)
    {
        if (Count == _samples.Length)
        {
            Array.Resize(ref _samples, Count * 2);
        }

        _samples[Count++] = sample;
    }

    public void Clear() => Count = 0;
}

/// <summary>100 ms of operations by intended start, kept until the window is written.</summary>
internal sealed class Window
{
    /// <summary>Length of a window.</summary>
    public const long Nanos = 100_000_000;

    private readonly WindowCell?[] _cells = new WindowCell?[CellCount];

    /// <summary>Number of (type, outcome) pairs.</summary>
    public const int CellCount = OperationNames.Count * OutcomeNames.Count;

    /// <summary>Its number since the run's start.</summary>
    public long Index { get; set; }

    /// <summary>Cells by type and outcome; null or empty when there was none.</summary>
    public ReadOnlySpan<WindowCell?> Cells => _cells;

    public static int CellOf(OperationType type, OperationOutcome outcome) =>
        ((int)type * OutcomeNames.Count) + (int)outcome;

    public static OperationType TypeOf(int cell) => (OperationType)(cell / OutcomeNames.Count);

    public static OperationOutcome OutcomeOf(int cell) => (OperationOutcome)(cell % OutcomeNames.Count);

    public void Add(int cell, in Sample sample) => (_cells[cell] ??= new WindowCell()).Add(sample);

    public void Clear()
    {
        foreach (var cell in _cells)
        {
            cell?.Clear();
        }
    }
}

/// <summary>The windows not yet written, and those reopened by operations that ended too late.</summary>
internal sealed class OpenWindows
{
    private readonly SortedDictionary<long, Window> _open = [];
    private readonly SortedDictionary<long, Window> _late = [];
    private readonly Stack<Window> _spare = new();
    private Window? _last;
    private long _writtenBefore;

    public void Add(long intendedNanos, int cell, bool degraded, long latency, long service)
    {
        var index = Math.Max(0, intendedNanos) / Window.Nanos;
        if (_last?.Index != index)
        {
            _last = Find(index);
        }

        var offset = (int)(Math.Max(0, intendedNanos) - (index * Window.Nanos));
        _last.Add(cell, new Sample(offset, degraded, latency, service));
    }

    /// <summary>
    /// Takes out the windows that end at or before the time, oldest first; give them back with <see
    /// cref="Recycle"/>.
    /// </summary>
    public IEnumerable<Window> TakeUntil(long endNanos)
    {
        _last = null;
        while (_open.Count > 0 && _open.First() is var (index, window) && (index + 1) * Window.Nanos <= endNanos)
        {
            _open.Remove(index);
            _writtenBefore = index + 1;
            yield return window;
        }
    }

    /// <summary>At the end: everything that is left, late ones last.</summary>
    public IEnumerable<Window> TakeAll()
    {
        foreach (var window in TakeUntil(long.MaxValue))
        {
            yield return window;
        }

        foreach (var window in _late.Values)
        {
            yield return window;
        }

        _late.Clear();
    }

    public void Recycle(Window window)
    {
        window.Clear();
        if (_spare.Count < 64)
        {
            _spare.Push(window);
        }
    }

    private Window Find(long index)
    {
        var windows = index < _writtenBefore ? _late : _open;
        if (!windows.TryGetValue(index, out var window))
        {
            window = _spare.Count > 0 ? _spare.Pop() : new Window();
            window.Index = index;
            windows.Add(index, window);
        }

        return window;
    }
}
