namespace Testbed.Results;

/// <summary>
/// Availability around each fault, from windows and fault times alone. Resolution is one window (100 ms); an
/// operation belongs to the window of its intended start.
/// </summary>
public static class Availability
{
    /// <summary>How long goodput and latency must be back to normal to count as recovered.</summary>
    public const long RecoveryNanos = 5_000_000_000;

    /// <summary>Share of the baseline's goodput that counts as normal.</summary>
    public const double RecoveredGoodput = 0.95;

    /// <summary>Multiple of the baseline's p99 that counts as normal.</summary>
    public const double RecoveredLatency = 1.5;

    private static readonly HashSet<string> NotBaseline = ["load", "warm-up", "drain"];

    private sealed class Slot
    {
        public long GoodReads;
        public long GoodWrites;
        public long AllReads;
        public long AllWrites;
        public long Bad;
        public double P99Us;
        public double MaxUs;
        public bool Measured;

        public long Good => GoodReads + GoodWrites;
    }

    /// <summary>
    /// The figures of every fault that was applied or not, in order of their ids. What windows cannot tell
    /// (<see cref="FaultFigures.CaughtUpNs"/>) is null.
    /// </summary>
    /// <param name="windows">Rows of windows.csv, in any order.</param>
    /// <param name="faults">Rows of faults.csv.</param>
    public static IReadOnlyList<FaultFigures> Compute(
        IReadOnlyList<WindowRow> windows, IReadOnlyList<FaultRow> faults)
    {
        var slots = Gather(windows);
        var end = 0L;
        foreach (var (index, slot) in slots)
        {
            end = slot.Measured ? Math.Max(end, index + 1) : end;
        }

        var firstFault = faults.Min(fault => fault.AppliedNs) ?? long.MaxValue;
        var baseline = new Baseline(slots, firstFault);
        return [.. faults.OrderBy(fault => fault.Id).Select(fault => Compute(slots, end, baseline, fault))];
    }

    private static FaultFigures Compute(
        SortedDictionary<long, Slot> slots, long end, Baseline baseline, FaultRow fault)
    {
        var figures = new FaultFigures(
            fault.Id, fault.Kind, fault.Node, fault.AppliedNs, fault.HealedNs, null, null, null, null, null, null, 0);
        if (fault.AppliedNs is not { } applied)
        {
            return figures;
        }

        var first = applied / Window.Nanos;
        // Healing takes effect over some time too: look a recovery time further.
        var until = fault.HealedNs is { } healed
            ? Math.Min(end, ((healed + RecoveryNanos) / Window.Nanos) + 1)
            : end;
        var down = Math.Min(end, (fault.HealRequestedNs ?? fault.HealedNs ?? long.MaxValue) / Window.Nanos);
        long okWhileDown = 0;
        long deafReads = 0;
        long deafWrites = 0;
        long? detect = null;
        for (var i = first; i < until; i++)
        {
            if (!slots.TryGetValue(i, out var slot))
            {
                continue;
            }

            var late = slot.Bad > 0 || (baseline.Known && slot.MaxUs > baseline.AlarmUs);
            detect ??= late ? Math.Max(0, (i * Window.Nanos) - applied) : null;
            deafReads += slot is { AllReads: > 0, GoodReads: 0 } ? Window.Nanos : 0;
            deafWrites += slot is { AllWrites: > 0, GoodWrites: 0 } ? Window.Nanos : 0;
            okWhileDown += i > first && i < down ? slot.Good : 0;
        }

        return figures with
        {
            DetectNs = detect,
            UnavailableReadNs = deafReads,
            UnavailableWriteNs = deafWrites,
            FirstSuccessNs = FirstSuccess(slots, applied, end),
            FullRecoveryNs = FullRecovery(slots, applied, end, baseline),
            OkWhileDown = okWhileDown,
        };
    }

    /// <summary>
    /// Until both reads and writes (those that are attempted at all) succeeded in windows behind the fault.
    /// </summary>
    private static long? FirstSuccess(SortedDictionary<long, Slot> slots, long applied, long end)
    {
        var from = (applied + Window.Nanos - 1) / Window.Nanos;
        long? reads = null;
        long? writes = null;
        var askedReads = false;
        var askedWrites = false;
        for (var i = from; i < end; i++)
        {
            if (slots.TryGetValue(i, out var slot))
            {
                askedReads |= slot.AllReads > 0;
                askedWrites |= slot.AllWrites > 0;
                reads ??= slot.GoodReads > 0 ? (i * Window.Nanos) - applied : null;
                writes ??= slot.GoodWrites > 0 ? (i * Window.Nanos) - applied : null;
            }
        }

        if ((askedReads && reads is null) || (askedWrites && writes is null) || !(askedReads || askedWrites))
        {
            return null;
        }

        return Math.Max(reads ?? 0, writes ?? 0);
    }

    private static long? FullRecovery(
        SortedDictionary<long, Slot> slots, long applied, long end, Baseline baseline)
    {
        const int Needed = (int)(RecoveryNanos / Window.Nanos);
        if (!baseline.Known)
        {
            return null;
        }

        for (var from = applied / Window.Nanos; from + Needed <= end; from++)
        {
            var goodput = 0L;
            var latencies = new List<double>(Needed);
            var calm = true;
            for (var i = from; i < from + Needed; i++)
            {
                if (!slots.TryGetValue(i, out var slot))
                {
                    continue;
                }

                goodput += slot.Good;
                calm &= slot.AllReads == 0 || slot.GoodReads > 0;
                calm &= slot.AllWrites == 0 || slot.GoodWrites > 0;
                if (slot.Good > 0)
                {
                    latencies.Add(slot.P99Us);
                }
            }

            if (calm && goodput >= RecoveredGoodput * baseline.GoodPerWindow * Needed
                && Median(latencies) <= RecoveredLatency * baseline.P99Us)
            {
                return Math.Max(0, (from * Window.Nanos) - applied);
            }
        }

        return null;
    }

    private static SortedDictionary<long, Slot> Gather(IReadOnlyList<WindowRow> windows)
    {
        var slots = new SortedDictionary<long, Slot>();
        foreach (var row in windows)
        {
            var index = row.TNs / Window.Nanos;
            if (!slots.TryGetValue(index, out var slot))
            {
                slots.Add(index, slot = new Slot());
            }

            var good = OutcomeNames.IsGood(row.Outcome);
            slot.Measured |= !NotBaseline.Contains(row.Phase);
            if (OperationNames.IsRead(row.Operation))
            {
                slot.AllReads += row.Count;
                slot.GoodReads += good ? row.Count : 0;
            }
            else
            {
                slot.AllWrites += row.Count;
                slot.GoodWrites += good ? row.Count : 0;
            }

            slot.Bad += good ? 0 : row.Count;
            slot.MaxUs = Math.Max(slot.MaxUs, row.LatencyMaxUs ?? 0);
            slot.P99Us = good ? Math.Max(slot.P99Us, row.LatencyP99Us ?? 0) : slot.P99Us;
        }

        return slots;
    }

    private static double Median(List<double> values)
    {
        if (values.Count == 0)
        {
            return double.PositiveInfinity;
        }

        values.Sort();
        return values[values.Count / 2];
    }

    /// <summary>What was normal before the first fault: phases other than load, warm-up and drain.</summary>
    private sealed class Baseline
    {
        public Baseline(SortedDictionary<long, Slot> slots, long firstFaultNanos)
        {
            var latencies = new List<double>();
            long good = 0;
            long count = 0;
            foreach (var (index, slot) in slots)
            {
                if (slot.Measured && (index + 1) * Window.Nanos <= firstFaultNanos)
                {
                    good += slot.Good;
                    count++;
                    if (slot.Good > 0)
                    {
                        latencies.Add(slot.P99Us);
                    }
                }
            }

            // Less than one second says too little.
            Known = count >= 10 && good > 0;
            GoodPerWindow = Known ? good / (double)count : 0;
            P99Us = Known ? Median(latencies) : 0;
        }

        /// <summary>Whether there was enough before the fault to compare with.</summary>
        public bool Known { get; }

        /// <summary>Good operations per window.</summary>
        public double GoodPerWindow { get; }

        /// <summary>The median of the windows' p99.</summary>
        public double P99Us { get; }

        /// <summary>Latency from which a client notices: ten times the p99, at least 50 ms.</summary>
        public double AlarmUs => Math.Max(10 * P99Us, 50_000);
    }
}
