using HdrHistogram;

namespace Testbed.Results;

/// <summary>Counts and histograms of one (phase, type, outcome).</summary>
internal sealed class PhaseCell
{
    public long Count;
    public long Degraded;
    public LongHistogram? Latency;
    public LongHistogram? Service;
    public LongHistogram? Lag;

    public void Add(in Sample sample)
    {
        Count++;
        Degraded += sample.Degraded ? 1 : 0;
        (Latency ??= Histograms.Create()).RecordValue(sample.LatencyNanos);
        (Service ??= Histograms.Create()).RecordValue(sample.ServiceNanos);
        (Lag ??= Histograms.Create()).RecordValue(Math.Max(0, sample.LatencyNanos - sample.ServiceNanos));
    }

    public void Add(PhaseCell other)
    {
        Count += other.Count;
        Degraded += other.Degraded;
        Histograms.Merge(ref Latency, other.Latency);
        Histograms.Merge(ref Service, other.Service);
        Histograms.Merge(ref Lag, other.Lag);
    }
}

/// <summary>
/// The phases of a run, and what was recorded in each. A phase name may come more than once.
/// </summary>
internal sealed class PhaseBook
{
    /// <summary>The phase of operations before any phase was set.</summary>
    public const string Unnamed = "run";

    private readonly List<(string Name, long Start)> _spans = [];
    private readonly Dictionary<string, PhaseCell?[]> _cells = [];
    private readonly List<string> _order = [];

    /// <summary>Phase names in order of their first appearance.</summary>
    public IReadOnlyList<string> Names => _order;

    /// <summary>The newest phase.</summary>
    public string Current => _spans.Count == 0 ? Unnamed : _spans[^1].Name;

    public void Begin(string name, long startNanos)
    {
        if (_spans.Count > 0 && startNanos < _spans[^1].Start)
        {
            throw new ArgumentOutOfRangeException(
                nameof(startNanos), startNanos, $"Phase '{name}' begins before phase '{_spans[^1].Name}'.");
        }

        _spans.Add((name, startNanos));
        Cells(name);
    }

    /// <summary>The phase of a time; the first one for times before it.</summary>
    public string At(long nanos)
    {
        for (var i = _spans.Count - 1; i >= 0; i--)
        {
            if (_spans[i].Start <= nanos)
            {
                return _spans[i].Name;
            }
        }

        return _spans.Count == 0 ? Unnamed : _spans[0].Name;
    }

    public PhaseCell Cell(string phase, int cell) => Cells(phase)[cell] ??= new PhaseCell();

    /// <summary>All cells of some phases together.</summary>
    public PhaseCell?[] Sum(Func<string, bool> wanted)
    {
        var sum = new PhaseCell?[Window.CellCount];
        foreach (var name in _order)
        {
            var cells = _cells[name];
            for (var i = 0; i < cells.Length && wanted(name); i++)
            {
                if (cells[i] is { } cell)
                {
                    (sum[i] ??= new PhaseCell()).Add(cell);
                }
            }
        }

        return sum;
    }

    public IReadOnlyList<PhaseSpan> Spans(long endNanos)
    {
        var spans = new List<PhaseSpan>();
        for (var i = 0; i < _spans.Count; i++)
        {
            var end = i + 1 < _spans.Count ? _spans[i + 1].Start : Math.Max(endNanos, _spans[i].Start);
            spans.Add(new PhaseSpan(_spans[i].Name, _spans[i].Start, end));
        }

        return spans;
    }

    private PhaseCell?[] Cells(string name)
    {
        if (!_cells.TryGetValue(name, out var cells))
        {
            cells = new PhaseCell?[Window.CellCount];
            _cells.Add(name, cells);
            _order.Add(name);
        }

        return cells;
    }
}
