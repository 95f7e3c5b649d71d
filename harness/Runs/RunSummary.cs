using System.Globalization;
using Testbed.Faults;
using Testbed.Harness.Cli;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Harness.Runs;

/// <summary>Turns the findings of a run into <c>summary.json</c> and decides verdict and exit code.</summary>
internal static class RunSummary
{
    private const double MinAttemptedShare = 0.99;

    /// <summary>The summary; the same for complete runs and for those cut short.</summary>
    public static Summary Build(RunOptions options, WorkloadSpec workload, RunFolder folder, RunFindings found)
    {
        var figures = found.Figures ?? throw new InvalidOperationException("the recorder was not finished");
        var check = found.Check ?? throw new InvalidOperationException("the history was not checked");
        var measured = figures.Operations.Where(o => o.Phase == RunRecorder.MeasuredPhase).ToList();
        var faults = Faults(folder, found);
        var notes = Notes(options, found, figures);
        var loss = Loss(options, found);
        var (verdict, reason, exitCode) = Verdict(options, found, figures, check, measured, loss);
        return new Summary
        {
            RunId = folder.RunId,
            Complete = !found.Interrupted && found.FinalRead is not null,
            Verdict = verdict,
            VerdictReason = reason,
            ExitCode = exitCode,
            MeasuredNs = figures.MeasuredNs,
            Phases = figures.Phases,
            Operations = figures.Operations,
            ScheduleLagP99Ns = options.RatePerSecond is null ? null : figures.ScheduleLagP99Ns,
            AttemptedShare = options.RatePerSecond is null || figures.Offered == 0
                ? null : (double)figures.Attempted / figures.Offered,
            Check = check.ToFigures(),
            Bytes = Bytes(options, workload, found, figures),
            Memory = Memory(found),
            Traffic = found.Traffic.Count == 0 ? null : found.Traffic,
            Faults = faults,
            Rebuilds = Rebuilds(found),
            DeclaredLost = loss,
            Nodes = Nodes(options, found),
            ClientCounters = found.ClientCounters,
            Notes = notes,
        };
    }

    /// <summary>
    /// The worst finding decides: invalid, interrupted, void, undecided, threshold missed, valid.
    /// </summary>
    private static (string Verdict, string Reason, int ExitCode) Verdict(
        RunOptions options, RunFindings found, RunFigures figures, HistoryCheck check,
        IReadOnlyList<OperationFigures> measured, LossFigures? loss)
    {
        if (check.Verdict == "invalid")
        {
            var why = check.CorruptReads > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{check.CorruptReads} reads returned corrupt values")
                : "the history is not linearizable";
            return ("invalid", why, found.Interrupted ? ExitCodes.Interrupted : ExitCodes.Invalid);
        }

        if (found.Interrupted)
        {
            return ("unchecked", "interrupted; what was recorded until then is " + check.Verdict, ExitCodes.Interrupted);
        }

        if (found.StoppedBy is { } wrong)
        {
            found.VoidReasons.Add("--fail-fast stopped the run, but the check of the whole history found nothing wrong: "
                + "one of the two is mistaken; " + FailFast.Describe(wrong));
        }

        var notApplied = (found.Tracker?.Records ?? []).Where(r => !r.TookEffect).ToList();
        foreach (var record in notApplied)
        {
            found.VoidReasons.Add(string.Create(CultureInfo.InvariantCulture,
                $"fault {record.Fault.Id} ({FaultKinds.NameOf(record.Fault.Kind)}) had no effect: {record.Evidence}"));
        }

        if (options.RatePerSecond is not null)
        {
            found.VoidReasons.AddRange(GeneratorLimits(options, figures));
        }

        if (found.VoidReasons.Count > 0)
        {
            return ("void", string.Join("; ", found.VoidReasons), ExitCodes.Void);
        }

        var isExpectedLoss = loss is not null && options.AllowOutage;
        if (found.FinalRead is { Unfinished: > 0 } final && !isExpectedLoss)
        {
            var why = loss is not null
                ? Declared(loss, options)
                : string.Create(CultureInfo.InvariantCulture,
                    $"{final.Unfinished} keys gave no answer after all faults were healed");
            return ("unknown", why, ExitCodes.Undecided);
        }

        if (check.Verdict != "valid")
        {
            return ("unknown", "the checker reached its limit before it could decide", ExitCodes.Undecided);
        }

        var operations = check.Result.Counts.Operations;
        var reason = string.Create(CultureInfo.InvariantCulture, $"all {operations:N0} operations are linearizable")
            + (loss is null ? "" : "; " + Declared(loss, options) + ", nothing else was lost");
        return MissedThreshold(options.Thresholds, measured) is { } missed
            ? ("valid", reason + ", but " + missed, ExitCodes.Missed)
            : ("valid", reason, ExitCodes.Ok);
    }

    /// <summary>What the cluster said it had lost, in words that stand in a sentence.</summary>
    private static string Declared(LossFigures loss, RunOptions options) => string.Create(CultureInfo.InvariantCulture,
        $"the cluster declared its data LOST, for {loss.EmptyNodes} of {options.Nodes} nodes came back empty and it survives ")
        + string.Create(CultureInfo.InvariantCulture, $"{loss.Tolerance}: it refused {loss.RefusedKeys:N0} of ")
        + string.Create(CultureInfo.InvariantCulture, $"{loss.RefusedKeys + loss.AnsweredKeys:N0} keys");

    /// <summary>
    /// Whether the load generator, not the cluster, was what was measured; over the measured time alone.
    /// </summary>
    private static IEnumerable<string> GeneratorLimits(RunOptions options, RunFigures figures)
    {
        if (figures.ScheduleLagP99Ns > options.MaxLagNanos)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"the load generator was late: schedule lag p99 {figures.ScheduleLagP99Ns / 1e6:F1} ms, allowed ")
                + string.Create(CultureInfo.InvariantCulture, $"{options.MaxLagNanos / 1e6:F0} ms; lower --rate");
        }

        var share = figures.Offered == 0 ? 1 : (double)figures.Attempted / figures.Offered;
        if (share < MinAttemptedShare)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"only {share:P1} of the offered operations were attempted, the rest was shed; lower --rate");
        }
    }

    private static string? MissedThreshold(Thresholds limits, IReadOnlyList<OperationFigures> measured)
    {
        var missed = new List<string>();
        Compare("read p99", limits.MaxReadP99Nanos, measured.Where(o => o.Operation is "read" or "scan"));
        Compare("write p99", limits.MaxWriteP99Nanos, measured.Where(o => o.Operation is not ("read" or "scan")));
        var goodput = measured.Sum(o => o.GoodputPerSecond);
        if (goodput < limits.MinGoodput)
        {
            missed.Add(string.Create(CultureInfo.InvariantCulture,
                $"goodput {goodput:F0}/s is below {limits.MinGoodput:F0}/s"));
        }

        return missed.Count == 0 ? null : string.Join(" and ", missed);

        void Compare(string what, long? limitNanos, IEnumerable<OperationFigures> operations)
        {
            var worst = operations.Max(o => o.LatencyP99Us) * 1000;
            if (worst > limitNanos)
            {
                missed.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{what} {worst / 1e6:F2} ms is above {limitNanos / 1e6:F2} ms"));
            }
        }
    }

    private static List<FaultFigures> Faults(RunFolder folder, RunFindings found)
    {
        if (found.Tracker is not { } tracker || found.MeasuredFromNanos is not { } origin)
        {
            return [];
        }

        var rows = tracker.Rows(origin);
        CsvRows.Write(folder.FaultsPath, rows);
        return [.. Availability.Compute(folder.ReadWindows(), rows)
            .Select(f => f with
            {
                CaughtUpNs = found.Watch?.CaughtUpNanos(f.Id),

                // What lived on through its fault may have taken its snapshot before.
                BySnapshot = f.Kind is "kill" or "stop" or "restart" or "oom" or "replace"
                    && found.Watch?.IsBySnapshot(f.Id) == true,
            })];
    }

    private static List<RebuildFigures> Rebuilds(RunFindings found)
    {
        var list = new List<RebuildFigures>();
        foreach (var record in (found.Tracker?.Records ?? []).Where(r => FaultKinds.EndsNode(r.Fault.Kind)))
        {
            if (record.Node is { } node && found.Watch?.Rebuild(record.Fault.Id) is { } rebuild)
            {
                list.Add(new RebuildFigures(
                    record.Fault.Id, string.Create(CultureInfo.InvariantCulture, $"n{node}"), rebuild.Standing,
                    rebuild.SlotsReady, rebuild.Slots, rebuild.Standing == "ready" ? rebuild.TookMillis * 1_000_000 : null,
                    rebuild.RebuiltBytes, rebuild.ReadBytes,
                    rebuild.RebuiltBytes == 0 ? null : (double)rebuild.ReadBytes / rebuild.RebuiltBytes));
            }
        }

        return list;
    }

    /// <summary>Null: nothing was declared. The tolerance is that of data, whatever writes need to go on.</summary>
    private static LossFigures? Loss(RunOptions options, RunFindings found) =>
        found is { Watch.IsLost: true, FinalRead: { } final }
            ? new LossFigures(
                found.FinalSample.Count(r => r.Standing is not ("ready" or "")),
                Math.Min(options.Nodes - options.DataElements, (options.Nodes - 1) / 2),
                final.Unfinished, final.Ok + final.NotFound)
            : null;

    private static ByteFigures Bytes(RunOptions options, WorkloadSpec workload, RunFindings found, RunFigures figures)
    {
        var present = found.FinalRead?.Ok ?? 0;
        var logical = present * workload.MaxValueBytes;
        var (payload, total) = Stored(found);
        var operations = figures.Attempted;
        var usage = Enumerable.Range(0, options.Nodes)
            .Select(i => found.Sampler?.Of(i)).OfType<NodeSampler.Usage>().ToList();
        var sent = usage.Sum(u => u.TxBytes);
        var cpuSeconds = usage.Sum(u => u.CpuSeconds);
        return new ByteFigures(
            logical, payload, total, logical == 0 ? null : (double)payload / logical,
            options.Strategy == "raft" ? options.Nodes : (double)options.Nodes / options.DataElements,
            found.ClientSentBytes, sent, usage.Sum(u => u.RxBytes),
            operations == 0 ? null : (double)(sent + (found.ClientSentBytes ?? 0)) / operations,
            operations == 0 ? null : cpuSeconds * 1e6 / operations);
    }

    /// <summary>
    /// Payload that all nodes store now and did not store before the run, and its share of what they store in
    /// all: memory around it, slabs above all, may have been there for data of others.
    /// </summary>
    private static (long Payload, long Total) Stored(RunFindings found)
    {
        var payload = found.FinalSample.Sum(r => r.StorePayloadBytes ?? 0);
        var total = found.FinalSample.Sum(r => r.StoreTotalBytes ?? 0);
        var before = found.SampleBefore.Sum(r => r.StorePayloadBytes ?? 0);
        var own = Math.Max(0, payload - before);
        return (own, before == 0 || payload == 0 ? total : (long)(total * ((double)own / payload)));
    }

    /// <summary>Nothing of nodes that others use too: their memory is not this run's alone.</summary>
    private static MemoryFigures? Memory(RunFindings found)
    {
        if (!found.GarbageCollected || found.FinalSample.Count == 0)
        {
            return null;
        }

        return new MemoryFigures(
            Sum(found.FinalSample, r => r.StoreTotalBytes), Sum(found.FinalSample, r => r.LogAllocatedBytes),
            Sum(found.FinalSample, r => r.GcHeapBytes), Sum(found.SampleBefore, r => r.GcHeapBytes),
            Sum(found.FinalSample, r => r.RssBytes), Sum(found.SampleBefore, r => r.RssBytes));

        static long? Sum(IReadOnlyList<NodeRow> rows, Func<NodeRow, long?> figure) =>
            rows.All(r => figure(r) is not null) ? rows.Sum(figure) : null;
    }

    private static List<NodeFigures> Nodes(RunOptions options, RunFindings found)
    {
        var list = new List<NodeFigures>();
        for (var i = 0; i < options.Nodes; i++)
        {
            var usage = found.Sampler?.Of(i);
            var restarts = (found.Tracker?.Records ?? []).Count(r =>
                r.Node == i && FaultKinds.EndsNode(r.Fault.Kind) && r.State == FaultState.Healed);
            list.Add(new NodeFigures(
                string.Create(CultureInfo.InvariantCulture, $"n{i}"), usage?.CpuSeconds, usage?.MaxRssBytes, usage?.RxBytes,
                usage?.TxBytes, usage?.DiskWriteBytes, restarts, found.CaughtUp.GetValueOrDefault(i),
                found.FinalSample.Count > i ? found.FinalSample[i].State : "unknown"));
        }

        return list;
    }

    private static List<string> Notes(RunOptions options, RunFindings found, RunFigures figures)
    {
        var notes = new List<string>();
        if (found.StoppedBy is { } violation)
        {
            notes.Add("stopped by --fail-fast: " + FailFast.Describe(violation));
        }

        if (figures.Problem is { } problem)
        {
            notes.Add(problem);
        }

        if (figures.Clamped > 0)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture,
                $"{figures.Clamped} times were outside 1 ns .. 1 h and were clamped"));
        }

        if (options.RatePerSecond is null)
        {
            notes.Add("closed loop: latencies are service times of clients that wait; do not compare them with an open loop");
        }

        if (found.LinkProxy)
        {
            notes.Add("all links ran through the link proxy from the beginning: every latency contains its cost");
        }

        var late = found.CaughtUp.Where(p => !p.Value).Select(p => string.Create(CultureInfo.InvariantCulture, $"n{p.Key}"));
        if (string.Join(", ", late) is { Length: > 0 } names)
        {
            notes.Add("not caught up when the run ended: " + names);
        }

        foreach (var reason in figures.Reasons.Take(5))
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{reason.Value:N0} x {reason.Key}"));
        }

        return notes;
    }
}
