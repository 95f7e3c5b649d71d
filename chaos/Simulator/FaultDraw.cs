using Testbed.Faults;

namespace Testbed.Simulator;

/// <summary>Makes the list of faults of a run: drawn from the seed, or translated from a plan.</summary>
internal static class FaultDraw
{
    private const int MostFaults = 400;
    private const long FirstMicros = 300_000;

    // A hunt is about leaders in a row, and each needs an election first.
    private const long HuntMicros = 6_000_000;

    /// <summary>The faults of a shape.</summary>
    public static List<SimFault> Draw(ClusterShape shape)
    {
        var random = SimRandom.For(shape.Seed, Concern.Faults, (int)shape.Strategy);
        var kinds = Kinds(shape);
        var faults = new List<SimFault>();
        var busyUntil = new List<(long Until, int Takes)>();
        var least = shape.LeadersSleep ? 3 * shape.ElectionMicros : 5_000;
        var at = (shape.Volatile && shape.Strategy == SimulatedStrategy.Raft ? 0 : FirstMicros) + random.Below(shape.FaultGapMicros);
        for (var number = 1; at < shape.FaultyMicros && number <= MostFaults && kinds.Count > 0; number++)
        {
            var kind = kinds[(int)random.Below(kinds.Count)];
            var fault = new SimFault
            {
                Number = number,
                Kind = kind,
                Target = (random.OneIn(2) || shape.LeadersSleep) && shape.Strategy == SimulatedStrategy.Raft
                    ? FaultTarget.Leader
                    : FaultTarget.Node((int)random.Below(shape.Nodes)),
                AtMicros = at,
                ForMicros = least + random.Below(LongestMicros(shape, kind)),
                Detail = random.Next(),
            };
            at += 10_000 + random.Below(shape.FaultGapMicros);
            busyUntil.RemoveAll(busy => busy.Until <= fault.AtMicros);
            var takes = fault.Takes(shape.Nodes);
            if (shape.WithinTolerance && takes > 0 && takes + busyUntil.Sum(busy => busy.Takes) > shape.Tolerated)
            {
                continue;
            }

            busyUntil.Add((fault.AtMicros + fault.ForMicros, takes));
            faults.Add(fault);
        }

        return faults;
    }

    private static long LongestMicros(ClusterShape shape, SimFaultKind kind) =>
        kind == SimFaultKind.LeaderHunt ? HuntMicros
        : kind is SimFaultKind.Kill or SimFaultKind.Wipe && shape.KillMicros > 0 ? shape.KillMicros
        : shape.FaultMicros;

    /// <summary>The faults of a plan made for real clusters.</summary>
    public static List<SimFault> Translate(FaultPlan plan, long endMicros)
    {
        var random = SimRandom.For(plan.Seed, Concern.Faults, 0);
        var faults = new List<SimFault>();
        foreach (var planned in plan.Faults)
        {
            var at = planned.AtNanos / 1_000;
            faults.Add(new SimFault
            {
                Number = planned.Id,
                Kind = KindOf(planned.Kind),
                Target = planned.Target,
                AtMicros = at,
                ForMicros = Math.Max(1, (planned.HealAtNanos is { } heal ? heal / 1_000 : endMicros) - at),
                Detail = planned.Kind == FaultKind.Partition && planned.Target.Kind == TargetKind.Node
                    ? 1UL << planned.Target.Index
                    : random.Next(),
            });
        }

        return faults;
    }

    private static List<SimFaultKind> Kinds(ClusterShape shape)
    {
        var kinds = new List<SimFaultKind>();
        foreach (var kind in Enum.GetValues<SimFaultKind>())
        {
            if ((shape.FaultKinds & (1UL << (int)kind)) != 0 && SimFault.IsAllowed(kind, shape))
            {
                kinds.Add(kind);
            }
        }

        if (shape.Operates)
        {
            // What members may become takes several requests.
            kinds.AddRange([SimFaultKind.MemberAdd, SimFaultKind.MemberAdd, SimFaultKind.MemberRemove, SimFaultKind.LeaderTransfer]);
        }

        if (shape.Strategy == SimulatedStrategy.Raft && (shape.Volatile || shape.Wipes))
        {
            var forgets = shape.Volatile ? SimFaultKind.Kill : SimFaultKind.Wipe;
            kinds.AddRange([forgets, forgets, forgets]);
        }

        return kinds;
    }

    // A node without CPUs is slow; one that runs out of memory is killed by its kernel.
    private static SimFaultKind KindOf(FaultKind kind) => kind switch
    {
        FaultKind.Stop or FaultKind.Restart => SimFaultKind.Stop,
        FaultKind.Pause => SimFaultKind.Pause,
        FaultKind.Throttle => SimFaultKind.SlowProcess,
        FaultKind.DiskFull => SimFaultKind.DiskFull,
        FaultKind.Partition => SimFaultKind.Partition,
        FaultKind.PartitionIn => SimFaultKind.PartitionIn,
        FaultKind.PartitionOut => SimFaultKind.PartitionOut,
        FaultKind.Isolate => SimFaultKind.PartitionOfAll,
        _ => SimFaultKind.Kill,
    };
}
