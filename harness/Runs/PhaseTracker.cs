using System.Globalization;
using Testbed.Faults;
using Testbed.Harness.Cli.Views;
using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>
/// Follows the faults of a run: names the phase, tells the view, keeps <c>faults.csv</c>. Steady until the
/// first fault is applied; fault until a second after the last one of a series; degraded until the first undo
/// is wanted; recovery until nothing is in force; recovered from then on.
/// </summary>
internal sealed class PhaseTracker(FaultPlan plan, IRunView view, Action<string, long> setPhase, RunFolder folder,
    Action<FaultRecord> healed) : IFaultLog
{
    private const long TransientNanos = 1_500_000_000;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, FaultRecord> _records = [];
    private long _lastAppliedNanos;
    private long _phaseFromNanos;

    /// <summary>The phase now; null outside the measured time.</summary>
    public string? Phase { get; private set; }

    /// <summary>What became of the faults, by id.</summary>
    public IReadOnlyList<FaultRecord> Records
    {
        get
        {
            lock (_lock)
            {
                return [.. _records.Values];
            }
        }
    }

    /// <summary>The rows of <c>faults.csv</c>, planned faults that never began included.</summary>
    public IReadOnlyList<FaultRow> Rows(long originNanos)
    {
        lock (_lock)
        {
            return [.. plan.Faults.Select(f => Row(f, _records.GetValueOrDefault(f.Id), originNanos))];
        }
    }

    /// <summary>The measured time begins.</summary>
    public void Begin(long nowNanos)
    {
        lock (_lock)
        {
            Enter("steady", nowNanos);
        }
    }

    /// <summary>The measured time is over; later events change no phase.</summary>
    public void End()
    {
        lock (_lock)
        {
            Phase = null;
        }
    }

    /// <summary>Called a few times per second: ends the transient after the last fault of a series.</summary>
    public void Tick(long nowNanos)
    {
        lock (_lock)
        {
            if (Phase == "fault" && nowNanos >= _lastAppliedNanos + TransientNanos)
            {
                Enter("degraded", _lastAppliedNanos + TransientNanos);
            }

            BeginRecovery(nowNanos);
        }
    }

    /// <inheritdoc/>
    public void Updated(FaultRecord record)
    {
        lock (_lock)
        {
            _records.TryGetValue(record.Fault.Id, out var before);
            _records[record.Fault.Id] = record;
            if (record.State != before?.State && Describe(record) is { } text)
            {
                view.FaultEvent(text);
            }

            FollowPhase(record);
            CsvRows.Write(folder.FaultsPath, Rows(record.RequestedNanos - record.Fault.AtNanos));
        }

        if (record.State == FaultState.Healed)
        {
            healed(record);
        }
    }

    private void FollowPhase(FaultRecord record)
    {
        if (Phase is null)
        {
            return;
        }

        if (record.State == FaultState.Applied && record.AppliedNanos is { } applied)
        {
            _lastAppliedNanos = applied;
            if (Phase is not ("fault" or "recovery"))
            {
                Enter("fault", applied);
            }
        }

        if (record.HealedNanos is { } healedNanos)
        {
            BeginRecovery(healedNanos);
            if (Phase == "recovery" && !InForce.Any())
            {
                Enter("recovered", healedNanos);
            }
        }
    }

    private IEnumerable<FaultRecord> InForce =>
        _records.Values.Where(r => r.State is FaultState.Applied or FaultState.NotHealed);

    /// <summary>
    /// Recovery begins when the plan wants the first undo, which may be a little before anybody looks.
    /// </summary>
    private void BeginRecovery(long nowNanos)
    {
        var wanted = _records.Values.Where(r => r.State is FaultState.Applied or FaultState.NotHealed or FaultState.Healed)
            .Select(r => r.HealRequestedNanos ?? long.MaxValue).Where(t => t >= _phaseFromNanos).DefaultIfEmpty(long.MaxValue)
            .Min();
        if (Phase is "fault" or "degraded" && wanted <= nowNanos)
        {
            Enter("recovery", wanted);
        }
    }

    private void Enter(string phase, long nowNanos)
    {
        Phase = phase;
        _phaseFromNanos = Math.Max(_phaseFromNanos, nowNanos);
        setPhase(phase, _phaseFromNanos);
        view.Phase(phase);
    }

    private static string? Describe(FaultRecord r)
    {
        var node = r.Node is { } n ? string.Create(CultureInfo.InvariantCulture, $"n{n}") : r.Fault.Target.ToString();
        var kind = FaultKinds.NameOf(r.Fault.Kind);
        return r.State switch
        {
            FaultState.Applied => $"{kind} {node}: {r.Evidence}",
            FaultState.Healed => $"{node} is back: {r.HealEvidence}",
            FaultState.NotApplied => $"{kind} {node} was not applied: {r.Evidence}",
            FaultState.NotHealed => $"{node} did not come back: {r.HealEvidence}",
            _ => null,
        };
    }

    private static FaultRow Row(PlannedFault fault, FaultRecord? r, long originNanos)
    {
        var node = r?.Node is { } n ? string.Create(CultureInfo.InvariantCulture, $"n{n}") : fault.Target.ToString();
        return new FaultRow(fault.Id, FaultKinds.NameOf(fault.Kind), node, originNanos + fault.AtNanos,
            r?.AppliedNanos, r?.ObservedNanos, r?.HealRequestedNanos, r?.HealedNanos,
            r?.Evidence ?? "not reached", r?.HealEvidence ?? "");
    }
}
