using System.Globalization;
using Testbed.Reports;

namespace Testbed.Benchmarks.Peers;

/// <summary>How many times better than etcd each judged figure is, beside its target.</summary>
internal static class PeersChart
{
    private const double TickHalfHeight = 0.36;

    public static Figure Build(IReadOnlyList<PeerRow> rows)
    {
        var judged = rows.Where(row => (row.TargetRatio ?? row.TargetValue) is not null
            && row.TimesBetter is { Median: > 0, Least: > 0 } times && double.IsFinite(times.Greatest)).ToList();
        var reached = judged.Count(row => row.Reached == true);
        var reach = 0.4;
        foreach (var row in judged)
        {
            var times = row.TimesBetter;
            var right = Math.Max(times.Greatest, TargetTimes(row) ?? 1);
            reach = Math.Max(reach, 0.1 + Math.Max(Math.Abs(Math.Log10(times.Least)), Math.Abs(Math.Log10(right))));
        }

        var panels = judged.GroupBy(row => row.Nodes).Select(group => Panel(group.Key, [.. group], reach)).ToList();
        if (panels.Count == 0)
        {
            panels.Add(Panel(rows[0].Nodes, [], reach));
        }

        return new Figure("peers-ratios",
            string.Create(CultureInfo.InvariantCulture,
                $"{reached} of {judged.Count} targets against etcd are reached"),
            "Times better than etcd, median and range of rounds; fsync on both, values of 1 KiB, one machine.",
            panels);
    }

    private static Panel Panel(int nodes, IReadOnlyList<PeerRow> rows, double reach)
    {
        List<Mark> marks = [new RuleMark(false, 0, Tone.Ink) { Dashed = false, Width = 1.2 }];
        List<Tick> names = [];
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows[i];
            var y = rows.Count - i - 0.5;
            var times = row.TimesBetter;
            names.Add(new Tick(y, row.Clients is { } clients
                ? $"{row.Operation}, {PeersOutput.Clients(clients)}, {row.Figure}"
                : $"{row.Operation}, {row.Figure}"));
            marks.Add(new LineMark([-reach, reach], [y, y], Tone.Muted) { Width = 0.8, Opacity = 0.25 });
            if (TargetTimes(row) is { } target)
            {
                var x = Math.Log10(target);
                marks.Add(new LineMark([x, x], [y - TickHalfHeight, y + TickHalfHeight], Tone.Vermilion) { Width = 2 });
            }

            marks.Add(new WhiskerMark(Math.Log10(times.Least), Math.Log10(times.Median), Math.Log10(times.Greatest), y,
                row.Reached == true ? Tone.Green : Tone.Blue));
            marks.Add(new TextMark(reach * 1.04, y, Units.Times(times.Median), Tone.Ink, Anchor.Left));
        }

        var axis = AxisScales.LogBetween("times better than etcd", -reach, reach, v => Units.Three(v) + "x");
        return new Panel
        {
            Title = string.Create(CultureInfo.InvariantCulture, $"{nodes} nodes"),
            X = axis with { Max = reach * 1.2 },
            Y = new Axis("", 0, Math.Max(1, rows.Count), names) { Grid = false },
            Height = Math.Max(60, 24 * rows.Count),
            Marks = marks,
            LeftPadding = 250,
            Legend =
            [
                new LegendEntry("reached", Tone.Green, LegendShape.Box),
                new LegendEntry("not reached", Tone.Blue, LegendShape.Box),
                new LegendEntry("target", Tone.Vermilion),
            ],
            Empty = rows.Count == 0 ? "no figure with a target was measured on both" : null,
        };
    }

    // A target in milliseconds has its place by what etcd took here.
    private static double? TargetTimes(PeerRow row) => (row.TargetRatio, row.TargetValue) switch
    {
        (double ratio, _) => row.LessIsBetter ? 1 / ratio : ratio,
        (_, double value) when row.Etcd.Median > 0 => row.Etcd.Median / value,
        _ => null,
    };
}
