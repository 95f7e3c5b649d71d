using System.Globalization;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Tests.Unit.Reports;

/// <summary>
/// Rows with the shape of a run, from a seed: for layout and text only. Nothing here is a measurement and
/// nothing of it leaves the tests.
/// </summary>
internal sealed class FakeRun
{
    private const long Second = 1_000_000_000;
    private const long Origin = 7 * Second;
    private readonly Random random;

    public FakeRun(int seed = 1) => random = new Random(seed);

    public string Strategy { get; init; } = "ecc";
    public string WriteOperation { get; init; } = "update";
    public bool HasReads { get; init; } = true;
    public bool HasWrites { get; init; } = true;
    public int Kills { get; init; } = 2;
    public double Rate { get; init; } = 2000;
    public double WriteShare { get; init; } = 0.05;
    public int Seconds { get; init; } = 30;
    public double Slowness { get; init; } = 1;
    public bool Gap { get; init; }
    public string Verdict { get; init; } = "valid";
    public string Durability { get; init; } = "os";

    public RunData Build()
    {
        List<WindowRow> windows = Windows();
        return new RunData
        {
            Folder = "results/runs/20260301T101500Z-" + Strategy + "-b-kill2-7f3a",
            Manifest = Manifest(),
            Summary = Summary(windows),
            Windows = windows,
            Latencies = Latencies(),
            Faults = Faults(),
            Nodes = Nodes(),
        };
    }

    /// <summary>A run in which nothing happened at all.</summary>
    public static RunData Nothing()
    {
        RunData run = new FakeRun { Kills = 0, HasReads = false, HasWrites = false }.Build();
        return run with
        {
            Windows = [], Latencies = [], Faults = [], Nodes = [],
            Summary = run.Summary with
            {
                Operations = [], Faults = [], Nodes = [], Phases = [], Notes = [],
                Bytes = new ByteFigures(0, 0, 0, null, 5.0 / 3, null, null, null, null, null),
            },
        };
    }

    private long At(double seconds) => Origin + (long)Math.Round(seconds * Second);

    private double KillAt(int i) => (Seconds / 3.0) + i;

    private double BackAt(int i) => (Seconds * 2 / 3.0) + i;

    private IEnumerable<(string Name, double Start, double End)> PhaseTimes()
    {
        yield return ("warm-up", -5, 0);
        if (Kills == 0)
        {
            yield return ("steady", 0, Seconds);
            yield break;
        }

        yield return ("steady", 0, KillAt(0));
        yield return ("fault", KillAt(0), KillAt(Kills - 1) + 0.5);
        yield return ("degraded", KillAt(Kills - 1) + 0.5, BackAt(0));
        yield return ("recovery", BackAt(0), BackAt(Kills - 1) + 1);
        yield return ("recovered", BackAt(Kills - 1) + 1, Seconds);
    }

    private string PhaseAt(double seconds) =>
        PhaseTimes().LastOrDefault(p => seconds >= p.Start - 1e-9, ("warm-up", -5, 0)).Name;

    private IEnumerable<(string Operation, double Share, double BaseUs)> Mix()
    {
        if (HasReads)
        {
            yield return ("read", HasWrites ? 1 - WriteShare : 1, 380 * Slowness);
        }

        if (HasWrites)
        {
            yield return (WriteOperation, HasReads ? WriteShare : 1, 690 * Slowness);
        }
    }

    private double Factor(string phase) => phase switch
    {
        "fault" => 2.6,
        "degraded" => 1.5,
        "recovery" => 1.9,
        _ => 1,
    };

    private List<WindowRow> Windows()
    {
        List<WindowRow> rows = [];
        for (int i = -50; i < Seconds * 10; i++)
        {
            double t = i / 10.0;
            string phase = PhaseAt(t);
            foreach ((string operation, double share, double baseUs) in Mix())
            {
                double mean = Rate * share / 10;
                long count = Math.Max(0, (long)Math.Round(mean + (Math.Sqrt(mean) * Normal())));
                bool write = operation != "read";
                bool silent = Gap && write && Kills > 0 && t >= KillAt(0) && t < KillAt(0) + 0.8;
                long unknown = !silent && Kills > 0 && write && Math.Abs(t - KillAt(0)) < 0.15 ? 2 : 0;
                long failed = silent ? count : 0;
                double p50 = baseUs * Factor(phase) * (1 + (0.05 * Normal()));
                double p99 = p50 * (2.6 + Math.Abs(0.9 * Normal()));
                if (count - unknown - failed > 0)
                {
                    rows.Add(new WindowRow(At(t), phase, operation, "ok", count - unknown - failed, p50, p99,
                        p99 * 1.6, p50 * 0.9, p99 * 0.9));
                }

                if (unknown > 0)
                {
                    rows.Add(new WindowRow(At(t), phase, operation, "unknown", unknown, null, null, null,
                        null, null));
                }

                if (failed > 0)
                {
                    rows.Add(new WindowRow(At(t), phase, operation, "failed", failed, null, null, null, null,
                        null));
                }
            }
        }

        return rows;
    }

    private List<LatencyRow> Latencies()
    {
        double[] percentiles = [0, 10, 25, 50, 60, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.3, 99.5, 99.7,
            99.9, 99.95, 99.97, 99.99, 100];
        List<LatencyRow> rows = [];
        foreach ((string operation, double share, double baseUs) in Mix())
        {
            foreach ((string phase, double start, double end) in PhaseTimes()
                .Append(("measured", 0, Seconds)))
            {
                long count = Math.Max(2, (long)(Rate * share * (end - start)));
                double factor = phase == "measured" ? 1.3 : Factor(phase);
                double wobble = 1 + (0.04 * Normal());
                foreach (double p in percentiles)
                {
                    double nines = Math.Min(Math.Log10(count), p >= 100 ? 9 : -Math.Log10(1 - (p / 100)));
                    double us = baseUs * factor * wobble * (0.6 + Math.Pow(nines, 1.6)) * 0.75;
                    rows.Add(new LatencyRow(phase, operation, "ok", "latency", p, us, count));
                    rows.Add(new LatencyRow(phase, operation, "ok", "service", p, us * 0.9, count));
                }
            }
        }

        return rows;
    }

    private List<FaultRow> Faults()
    {
        List<FaultRow> rows = [];
        for (int i = 0; i < Kills; i++)
        {
            rows.Add(new FaultRow(
                i + 1, "kill", $"n{(i * 2) + 1}", At(KillAt(i)), At(KillAt(i) + 0.002),
                    At(KillAt(i) + 0.004), At(BackAt(i)),
                At(BackAt(i) + 0.06), $"pid {4100 + i} ended by signal 9",
                    $"pid {4200 + i} answered its health check"));
        }

        return rows;
    }

    private List<NodeRow> Nodes()
    {
        List<NodeRow> rows = [];
        for (int n = 1; n <= 5; n++)
        {
            double cpu = 0;
            double tx = 0;
            double disk = 0;
            double rss = 62e6 + (n * 1.5e6);
            for (double t = -5; t < Seconds; t += 0.25)
            {
                int kill = (n - 1) / 2;
                bool down = n % 2 == 1 && kill < Kills && t >= KillAt(kill) && t < BackAt(kill);
                if (down)
                {
                    (cpu, tx, disk) = (0, 0, 0);
                    rows.Add(new NodeRow(At(t), $"n{n}", "down", null, null, null, null, null, null, null,
                        null, null, null, null, null, null, ""));
                    continue;
                }

                cpu += 0.25 * (0.11 + (0.01 * n) + Math.Abs(0.02 * Normal()));
                tx += 0.25 * (1.1e6 + (4e4 * Normal()));
                disk += 0.25 * (0.22e6 + (2e4 * Normal()));
                rss += 2e4 * Math.Abs(Normal());
                rows.Add(new NodeRow(
                    At(t), $"n{n}", "up", cpu, (long)rss, (long)(rss * 0.8), null, (long)(tx * 1.2), (long)tx, null,
                        null, 0, (long)disk,
                        3_600_000, 4_300_000, 10_000,
                    n == 2 ? "leader" : "replica"));
            }
        }

        return rows;
    }

    private Manifest Manifest() => new()
    {
        RunId = "20260301T101500Z-" + Strategy + "-b-kill2-7f3a",
        StartedUtc = "2026-03-01T10:15:00Z",
        Argv = ["run", "--strategy", Strategy, "--workload", "b", "--kill",
            Kills.ToString(CultureInfo.InvariantCulture)],
        Options = new Dictionary<string, string> { ["rate"] = "2000", ["records"] = "10000", ["note"] = "<b>not markup</b>" },
        Strategy = Strategy,
        Nodes = 5,
        DataElements = Strategy == "ecc" ? 3 : 1,
        Tolerance = 2,
        Durability = Durability,
        Cluster = "process",
        Workload = "b",
        WorkloadProperties = new Dictionary<string, string> { ["readproportion"] = "0.95" },
        Seed = 42,
        OfferedRate = Rate > 0 ? Rate : null,
        NodeBuild = "jit",
        Commit = "0123abc",
        Dirty = false,
        Versions = new Dictionary<string, string> { ["dotnet"] = "10.0.1" },
        Machine = new Dictionary<string, string> { ["cpu"] = "Fake CPU", ["cores"] = "2", ["memory_bytes"] = "8000000000" },
        FaultPlan = Kills > 0 ? "{\"faults\":[]}" : null,
    };

    private Summary Summary(List<WindowRow> windows)
    {
        double theory = Strategy == "ecc" ? 5.0 / 3 : 5;
        long logical = 10_240_000;
        return new Summary
        {
            RunId = "20260301T101500Z-" + Strategy + "-b-kill2-7f3a",
            Complete = true,
            Verdict = Verdict,
            VerdictReason = Verdict == "valid"
                ? "all 60,012 operations on 9,931 keys are linearizable and no acknowledged write was lost"
                : "key user42: a read returned a value that was overwritten 1.2 s before it started",
            ExitCode = Verdict == "valid" ? 0 : 2,
            MeasuredNs = Seconds * Second,
            Phases = [new PhaseSpan("load", 0, Origin - (5 * Second)),
                .. PhaseTimes().Select(p => new PhaseSpan(p.Name, At(p.Start), At(p.End))),
                new PhaseSpan("drain", At(Seconds), At(Seconds + 2))],
            Operations = [.. PhaseTimes().Append(("measured", 0, Seconds))
                .SelectMany(p => Figures(windows, p.Item1, p.Item2, p.Item3))],
            ScheduleLagP99Ns = 210_000,
            AttemptedShare = 1,
            Check = new CheckFigures(
                Verdict, 60_012, 9_931, HasWrites ? 3_021 : 0, 0, Verdict == "valid" ? 0 : 1, 0, HasWrites
                    && Kills > 0 ? 4 : 0, 1, 0.21,
                Verdict == "valid" ? null
                    : "key user42\nwrite w1 ok [1.000 s, 1.001 s]\nread of w0 [2.201 s, 2.202 s]"),
            Bytes = new ByteFigures(
                logical, (long)(logical * theory * 1.003), (long)(logical * theory * 1.16), theory * 1.003,
                    theory,
                90_000_000, 210_000_000, 300_000_000, 4_980, Strategy == "ecc" ? 58.2 : 41.7),
            Faults = [.. Faults().Select(f => new FaultFigures(
                f.Id, f.Kind, f.Node, f.AppliedNs, f.HealedNs, 12_000_000, 0, Gap ? 800_000_000 : 0,
                    3_000_000, 1_400_000_000, f.HealedNs + 420_000_000, 18_934, Strategy == "raft"))],
            Nodes = [.. Enumerable.Range(1, 5).Select(n => new NodeFigures(
                $"n{n}", 4.2 + (0.3 * n), 71_000_000 + (n * 1_000_000), 36_000_000, 31_000_000, 8_100_000,
                    n % 2 == 1 && n / 2 < Kills ? 1 : 0, true, "up"))],
            ClientCounters = new Dictionary<string, long> { ["rounds"] = 66_000, ["hedges"] = 812 },
            Notes = ["durability os: a killed process loses nothing, a power failure may"],
        };
    }

    private IEnumerable<OperationFigures> Figures(
        List<WindowRow> windows, string phase, double start, double end)
    {
        foreach ((string operation, double _, double baseUs) in Mix())
        {
            WindowRow[] rows = [.. windows.Where(w => w.Operation == operation
                && (phase == "measured" ? w.Phase != "warm-up" : w.Phase == phase))];
            long Sum(string outcome) => rows.Where(r => r.Outcome == outcome).Sum(r => r.Count);
            double f = baseUs * (phase == "measured" ? 1.3 : Factor(phase));
            yield return new OperationFigures(
                phase, operation, Sum("ok"), 0, Sum("failed"), Sum("unknown"), 0, 0,
                    Sum("ok") / Math.Max(0.1, end - start), f, f * 1.8, f * 2.9,
                f * 5.2, f * 9.7, f * 0.9, f * 2.6, 0);
        }
    }

    private double Normal() =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
