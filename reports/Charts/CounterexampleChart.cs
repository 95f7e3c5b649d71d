using System.Globalization;
using Testbed.Results;

namespace Testbed.Reports;

/// <summary>
/// A counterexample in time: one row per process, an interval per operation, the wrong answer marked.
/// </summary>
internal static class CounterexampleChart
{
    /// <summary>Rows of processes of their own; the others share rows below.</summary>
    private const int MaxOwnRows = 24;
    private const int MaxSharedRows = 24;
    private const int RowHeight = 22;
    private const double Half = 0.34;

    /// <summary>Least width of an interval, as a share of the axis: it must be seen.</summary>
    private const double LeastShare = 0.0025;

    /// <summary>Width of a character of a label, as a share of the axis; generous.</summary>
    private const double LabelShare = 0.0068;

    /// <summary>The figure of one counterexample.</summary>
    public static Figure Build(string name, Counterexample counterexample)
    {
        ViolationEntry violation = counterexample.Violation;
        Layout layout = new(counterexample.Operations);
        return new Figure(
            name, $"Key {Number(violation.Key)}: {violation.Kind}", Subtitle(counterexample),
            [
                new Panel
                {
                    Title = "Operations on the key, from invocation to completion",
                    X = layout.Axis,
                    Y = new Axis("", 0, layout.Rows.Count,
                        [.. layout.Rows.Select((row, i) => new Tick(layout.Y(i), row))]) { Grid = false },
                    Height = Math.Max(60, layout.Rows.Count * RowHeight),
                    LeftPadding = 110,
                    Marks = [.. Marks(counterexample.Operations, layout)],
                    Legend =
                    [
                        new LegendEntry("wrong answer", Tone.Vermilion, LegendShape.Box),
                        new LegendEntry("write", Tone.Orange, LegendShape.Box),
                        new LegendEntry("read", Tone.Blue, LegendShape.Box),
                        new LegendEntry("delete", Tone.Purple, LegendShape.Box),
                        new LegendEntry("no answer", Tone.Muted, LegendShape.Dashed),
                    ],
                },
            ]);
    }

    /// <summary>What an operation did, in few words.</summary>
    public static string Words(OperationEntry operation) => operation.F switch
    {
        "read" => $"read {operation.Value ?? "absent"}",
        "cas" => $"cas {operation.Expected ?? "absent"} to {operation.Value ?? "absent"}",
        "delete" => "delete",
        _ => $"{operation.F} {operation.Value}",
    };

    private static string Subtitle(Counterexample counterexample)
    {
        int witness = counterexample.Operations.Count(o => o.IsWitness);
        string text = string.Create(CultureInfo.InvariantCulture,
            $"{witness} operations that no order explains, in strong colours; ")
            + $"{Units.Count(counterexample.Operations.Count - witness)} others of this key at the time, pale";
        return counterexample.Omitted == 0 ? text : $"{text}; {Units.Count(counterexample.Omitted)} more not shown";
    }

    private static IEnumerable<Mark> Marks(IReadOnlyList<CounterexampleOperation> operations, Layout layout)
    {
        // Back to front: what others did, then the counterexample, then its words.
        foreach (CounterexampleOperation other in operations.Where(o => !o.IsWitness))
        {
            foreach (Mark mark in Interval(other, layout, 0.3))
            {
                yield return mark;
            }
        }

        foreach (CounterexampleOperation witness in operations.Where(o => o.IsWitness))
        {
            foreach (Mark mark in Interval(witness, layout, 1))
            {
                yield return mark;
            }
        }

        foreach (CounterexampleOperation witness in operations.Where(o => o.IsWitness))
        {
            yield return Label(witness, layout);
        }
    }

    private static IEnumerable<Mark> Interval(CounterexampleOperation operation, Layout layout, double opacity)
    {
        OperationEntry o = operation.Operation;
        (double from, double to) = layout.Span(o);
        double y = layout.Y(layout.RowOf(o));
        Tone tone = operation.IsOffending ? Tone.Vermilion : o.F switch
        {
            "read" => Tone.Blue,
            "delete" => Tone.Purple,
            _ => Tone.Orange,
        };
        if (o.Type == "info")
        {
            // It may take effect at any time from its invocation on.
            yield return new LineMark([from, layout.Axis.Max], [y, y], Tone.Muted) { Dashed = true, Opacity = opacity };
        }

        yield return new BoxMark(from, to, y - Half, y + Half, o.Type == "fail" ? Tone.Muted : tone)
        {
            Opacity = opacity,
            Hint = $"process {Number(o.Process)}: {Words(o)} ({o.Type}), {Seconds(o.InvokeNs)} to {Seconds(o.CompleteNs)}",
        };
    }

    private static TextMark Label(CounterexampleOperation operation, Layout layout)
    {
        OperationEntry o = operation.Operation;
        string words = o.Type == "ok" ? Words(o) : $"{Words(o)} ({o.Type})";
        if (words.Length > 40)
        {
            words = words[..37] + "...";
        }

        (double from, double to) = layout.Span(o);
        double width = layout.Axis.Max - layout.Axis.Min;
        double gap = width * 0.005;
        bool right = to + gap + (words.Length * LabelShare * width) < layout.Axis.Max;
        return new TextMark(right ? to + gap : from - gap, layout.Y(layout.RowOf(o)), words,
            operation.IsOffending ? Tone.Vermilion : Tone.Ink, right ? Anchor.Left : Anchor.Right)
        {
            Bold = true,
            Size = 12,
        };
    }

    private static string Seconds(long nanos) =>
        string.Create(CultureInfo.InvariantCulture, $"{nanos / 1e9:F6} s");

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Which row an operation is in, and where time lies.</summary>
    private sealed class Layout
    {
        private readonly Dictionary<int, int> ownRow = [];
        private readonly Dictionary<OperationEntry, int> sharedRow = [];
        private readonly double least;

        public Layout(IReadOnlyList<CounterexampleOperation> operations)
        {
            double min = operations.Min(o => o.Operation.InvokeNs) / 1e6;
            double max = operations.Max(o => o.Operation.CompleteNs) / 1e6;
            double margin = Math.Max(0.001, (max - min) * 0.03);
            Axis = AxisScales.Linear("ms since the history's time 0", min - margin, max + margin, 8);
            least = (Axis.Max - Axis.Min) * LeastShare;
            AssignRows(operations);
        }

        public Axis Axis { get; }

        public List<string> Rows { get; } = [];

        /// <summary>Middle of a row; the first is on top.</summary>
        public double Y(int row) => Rows.Count - row - 0.5;

        public int RowOf(OperationEntry operation) =>
            ownRow.TryGetValue(operation.Process, out int row) ? row : sharedRow[operation];

        public (double From, double To) Span(OperationEntry o)
        {
            double from = o.InvokeNs / 1e6;
            double to = o.CompleteNs / 1e6;
            double more = Math.Max(0, least - (to - from)) / 2;
            return (from - more, to + more);
        }

        private void AssignRows(IReadOnlyList<CounterexampleOperation> operations)
        {
            // The processes of the counterexample first, in the order of what they did.
            foreach (CounterexampleOperation o in operations.OrderBy(o => !o.IsWitness))
            {
                if ((o.IsWitness || ownRow.Count < MaxOwnRows) && ownRow.TryAdd(o.Operation.Process, ownRow.Count))
                {
                    Rows.Add($"process {Number(o.Operation.Process)}");
                }
            }

            // Everybody else's in as few rows as hold them side by side; too many at once lie on each other.
            List<double> ends = [];
            foreach (CounterexampleOperation o in operations.Where(o => !ownRow.ContainsKey(o.Operation.Process)))
            {
                (double from, double to) = Span(o.Operation);
                int lane = ends.FindIndex(end => end <= from);
                if (lane < 0 && ends.Count < MaxSharedRows)
                {
                    lane = ends.Count;
                    ends.Add(to);
                    Rows.Add(lane == 0 ? "others" : "");
                }

                lane = lane < 0 ? MaxSharedRows - 1 : lane;
                ends[lane] = Math.Max(ends[lane], to);
                sharedRow[o.Operation] = ownRow.Count + lane;
            }
        }
    }
}
