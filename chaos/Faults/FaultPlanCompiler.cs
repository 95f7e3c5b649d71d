namespace Testbed.Faults;

/// <summary>
/// Makes a plan of what was asked for, and refuses what cannot be carried out or would prove nothing.
/// </summary>
public static class FaultPlanCompiler
{
    private const long SpacingNanos = 1_000_000_000;
    private const long RoundingNanos = 1_000_000;

    /// <summary>
    /// The plan of a request. The same request, limits and seed give the same plan on any machine. Throws
    /// <see cref="FaultPlanException"/> with one line.
    /// </summary>
    public static FaultPlan Compile(FaultRequest request, FaultLimits limits, ulong seed)
    {
        CheckCombination(request);
        var random = new FaultRandom(seed);
        var drafts = new List<Draft>();
        AddSeries(drafts, KillSeries(request), limits);
        AddSeries(drafts, PauseSeries(request), limits);
        foreach (var text in request.Faults)
        {
            var words = FaultText.Parse(text);
            drafts.Add(new Draft(
                words.Kind, words.Target, words.AtNanos, words.AtNanos + words.ForNanos, $"--fault \"{text}\"", words.Amount));
        }

        if (drafts.Count > FaultPlan.MaxFaults)
        {
            throw new FaultPlanException(FormattableString.Invariant($"more than {FaultPlan.MaxFaults} faults"));
        }

        foreach (var draft in drafts)
        {
            CheckAlone(draft, limits);
        }

        CheckTogether(drafts, limits);
        DrawNodes(drafts, limits.Nodes, random);
        CheckOverlap(drafts);
        var ordered = drafts.OrderBy(d => d.AtNanos).ToList();
        return new FaultPlan
        {
            Seed = seed,
            Faults = [.. ordered.Select((d, i) => new PlannedFault
            {
                Id = i + 1,
                Kind = d.Kind,
                Target = d.Target!.Value,
                AtNanos = d.AtNanos,
                HealAtNanos = d.HealAtNanos,
                Amount = d.Amount,
            })],
        };
    }

    private static void CheckCombination(FaultRequest request)
    {
        Refuse(request.Kill == 0 && request.KillAtNanos is not null, "--kill-at needs --kill N");
        Refuse(request.Kill == 0 && request.RestartAtNanos is not null, "--restart-at needs --kill N");
        Refuse(request.Kill == 0 && request.NoRestart, "--no-restart needs --kill N");
        Refuse(request.Kill == 0 && request.KillRole != "any", "--kill-role needs --kill N");
        Refuse(request.NoRestart && request.RestartAtNanos is not null, "--restart-at and --no-restart exclude each other");
        Refuse(request.Pause == 0 && request.PauseAtNanos is not null, "--pause-at needs --pause N");
        Refuse(request.Pause == 0 && request.ResumeAtNanos is not null, "--resume-at needs --pause N");
    }

    private static Series KillSeries(FaultRequest request) => new(
        FaultKind.Kill, request.Kill, request.KillRole, request.KillAtNanos, request.RestartAtNanos, request.NoRestart,
        "--kill", "--restart-at");

    private static Series PauseSeries(FaultRequest request) => new(
        FaultKind.Pause, request.Pause, "any", request.PauseAtNanos, request.ResumeAtNanos, false,
        "--pause", "--resume-at");

    /// <summary>
    /// N faults, at most 1 s apart, undone in the same order and spacing. The default undo is half way
    /// between the first fault and the end, so that with the default start each third of the measured time
    /// has its own state.
    /// </summary>
    private static void AddSeries(List<Draft> drafts, Series series, FaultLimits limits)
    {
        Refuse(series.Count < 0, $"{series.Option} cannot be negative");
        Refuse(series.Count > limits.Nodes, FormattableString.Invariant(
            $"{series.Option} {series.Count}: the cluster has only {limits.Nodes} nodes"));
        if (series.Count == 0)
        {
            return;
        }

        FaultTarget? target = series.Role switch
        {
            "any" => null,
            "leader" => FaultTarget.Leader,
            "follower" => FaultTarget.Follower,
            _ => throw new FaultPlanException($"--kill-role '{series.Role}' is not any, leader or follower"),
        };
        var at = series.AtNanos ?? Round(limits.DurationNanos / 3);
        Refuse(at >= limits.DurationNanos, $"{series.Option}-at {DurationText.Format(at)} is not within the measured "
            + DurationText.Format(limits.DurationNanos));
        var heal = series.NeverHealed ? limits.DurationNanos : series.HealAtNanos ?? Round(at + ((limits.DurationNanos - at) / 2));
        Refuse(heal <= at, $"{series.HealOption} {DurationText.Format(heal)} is not after {series.Option}-at "
            + DurationText.Format(at));
        var spacing = Math.Min(SpacingNanos, (heal - at) / series.Count);
        spacing = series.NeverHealed || series.Count == 1
            ? spacing
            : Math.Min(spacing, Math.Max(0, limits.DurationNanos - heal) / (series.Count - 1));
        for (var i = 0; i < series.Count; i++)
        {
            var offset = i * spacing;
            drafts.Add(new Draft(
                series.Kind, target, at + offset, series.NeverHealed ? null : heal + offset,
                FormattableString.Invariant($"{series.Option} {series.Count}")));
        }
    }

    private static void CheckAlone(Draft draft, FaultLimits limits)
    {
        Refuse(limits.Cluster == "attach",
            $"{draft.Source}: a cluster that is only attached to is not ours to harm; leave faults out");
        Refuse(FaultKinds.NeedsContainer(draft.Kind) && limits.Cluster == "process",
            $"{draft.Source}: {FaultKinds.NameOf(draft.Kind)} needs containers; add --cluster docker");
        Refuse(FaultKinds.NeedsProcess(draft.Kind) && limits.Cluster != "process",
            $"{draft.Source}: {FaultKinds.NameOf(draft.Kind)} needs processes; leave --cluster out");
        Refuse(FaultKinds.IsMembership(draft.Kind) && limits.Strategy != "raft",
            $"{draft.Source}: the nodes of {limits.Strategy} are fixed, and none leads; use replace");
        var duration = DurationText.Format(limits.DurationNanos);
        Refuse(draft.AtNanos < 0 || draft.AtNanos >= limits.DurationNanos,
            $"{draft.Source}: {DurationText.Format(draft.AtNanos)} is not within the measured {duration}");
        Refuse(draft.HealAtNanos > limits.DurationNanos,
            $"{draft.Source}: it would end at {DurationText.Format(draft.HealAtNanos ?? 0)}, after the measured {duration}");
        Refuse(draft.HealAtNanos <= draft.AtNanos, $"{draft.Source}: it would end before it begins");
        if (draft.Target is not { } target)
        {
            return;
        }

        Refuse(target.Kind != TargetKind.Node && limits.Strategy != "raft",
            $"{draft.Source}: {limits.Strategy} has no leader and no followers; use any or a node number");
        Refuse(target.Kind == TargetKind.Node && target.Index >= limits.Nodes, FormattableString.Invariant(
            $"{draft.Source}: there is no node {target.Index}; the cluster has n0 to n{limits.Nodes - 1}"));
    }

    private static void CheckTogether(List<Draft> drafts, FaultLimits limits)
    {
        foreach (var draft in drafts)
        {
            var away = drafts.Count(d => d.Covers(draft.AtNanos));
            Refuse(away > limits.Nodes, FormattableString.Invariant(
                $"{away} faults at once, but the cluster has only {limits.Nodes} nodes"));
        }

        if (limits.AllowOutage)
        {
            return;
        }

        foreach (var draft in drafts.OrderBy(d => d.AtNanos))
        {
            var away = drafts.Count(d => FaultKinds.TakesAway(d.Kind) && d.Covers(draft.AtNanos));
            Refuse(away > limits.Tolerance, FormattableString.Invariant(
                $"{draft.Source}: {away} of {limits.Nodes} nodes would be away at once, but {limits.ClusterName} works with")
                + FormattableString.Invariant($" at most {limits.Tolerance} away; --allow-outage runs it all the same"));
        }
    }

    /// <summary>
    /// Draws a node for each fault that left it open, none that another fault has at the same time.
    /// </summary>
    private static void DrawNodes(List<Draft> drafts, int nodes, FaultRandom random)
    {
        foreach (var draft in drafts.Where(d => d.Target is null))
        {
            var free = Enumerable.Range(0, nodes)
                .Where(n => !drafts.Exists(d => d.Target is { Kind: TargetKind.Node } t && t.Index == n && d.Overlaps(draft)))
                .ToList();
            Refuse(free.Count == 0, $"{draft.Source}: no node is left for it");
            // Nodes not yet in any fault come first: a second fault on the same node shows less.
            var fresh = free.Where(n => !drafts.Exists(d => d.Target == FaultTarget.Node(n))).ToList();
            var from = fresh.Count > 0 ? fresh : free;
            draft.Target = FaultTarget.Node(from[random.Below(from.Count)]);
        }
    }

    private static void CheckOverlap(List<Draft> drafts)
    {
        for (var i = 0; i < drafts.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                Refuse(drafts[i].Target == drafts[j].Target && drafts[i].Target!.Value.Kind == TargetKind.Node
                    && drafts[i].Overlaps(drafts[j]),
                    $"{drafts[i].Source}: {drafts[i].Target} is already under {drafts[j].Source} at that time");
            }
        }
    }

    private static long Round(long nanos) => nanos < RoundingNanos ? nanos : nanos / RoundingNanos * RoundingNanos;

    private static void Refuse(bool condition, string why)
    {
        if (condition)
        {
            throw new FaultPlanException(why);
        }
    }

    private sealed record Series(
        FaultKind Kind, int Count, string Role, long? AtNanos, long? HealAtNanos, bool NeverHealed, string Option,
        string HealOption);

    private sealed class Draft(
        FaultKind kind, FaultTarget? target, long atNanos, long? healAtNanos, string source, double? amount = null)
    {
        public FaultKind Kind { get; } = kind;

        public FaultTarget? Target { get; set; } = target;

        public long AtNanos { get; } = atNanos;

        public long? HealAtNanos { get; } = healAtNanos;

        public string Source { get; } = source;

        public double? Amount { get; } = amount;

        public bool Covers(long time) => AtNanos <= time && time < (HealAtNanos ?? long.MaxValue);

        public bool Overlaps(Draft other) => Covers(other.AtNanos) || other.Covers(AtNanos);
    }
}
