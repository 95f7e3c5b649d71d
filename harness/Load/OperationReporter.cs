using Testbed.Checker;
using Testbed.Client;
using Testbed.Results;
using Testbed.Workloads;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// Says what an ended request or operation means, to the counters, the figures and the history.
/// </summary>
internal sealed class OperationReporter(IOperationSink sink)
{
    private const string NeverEnded = "the client never ended it";

    /// <summary>Counters of the phase under way.</summary>
    public LoadCounters Counters { get; set; } = new();

    /// <summary>A request is about to be sent.</summary>
    public void Sending(LoadSlot slot)
    {
        if (slot.Kind != OperationKind.Scan)
        {
            sink.Invoked(new HistoryEvent(
                slot.Process, HistoryEventType.Invoke, KindOf(slot), slot.Work.Key,
                slot.Kind == OperationKind.Put ? slot.WriteIdentity : 0, slot.RequestNanos));
        }
    }

    /// <summary>
    /// A request ended: appends it to the history. True when its effect is unknown, so its process is used
    /// up.
    /// </summary>
    public bool Answered(LoadSlot slot)
    {
        HistoryOutcome outcome;
        ulong value = 0;
        switch (slot.Kind)
        {
            case OperationKind.Get:
                var answered = slot.Outcome == Outcome.NotFound
                    || (slot.Outcome == Outcome.Ok && slot.Check != RecordCheck.Corrupt);
                outcome = answered ? HistoryOutcome.Ok : HistoryOutcome.Fail;
                value = answered && slot.Outcome == Outcome.Ok ? slot.ReadIdentity : 0;
                break;
            case OperationKind.Put:
                value = slot.WriteIdentity;
                outcome = WriteOutcome(slot.Outcome, absentIsOk: false);
                break;
            case OperationKind.Delete:
                outcome = WriteOutcome(slot.Outcome, absentIsOk: true);
                break;
            default:
                // No claim is made on scans.
                return false;
        }

        sink.History(new HistoryOperation(
            slot.Process, KindOf(slot), slot.Work.Key, value, slot.RequestNanos, slot.EndNanos, outcome));
        return outcome == HistoryOutcome.Info;
    }

    /// <summary>An operation ended, with its last request.</summary>
    public OperationOutcome Ended(LoadSlot slot)
    {
        var outcome = OutcomeOf(slot);
        Figures(slot, outcome, slot.EndNanos, slot.Degraded || slot.FirstDegraded, slot.Reason);
        return outcome;
    }

    /// <summary>The client never ended the request: a write counts as unknown for good.</summary>
    public void Abandoned(LoadSlot slot, long nowNanos)
    {
        if (slot.Kind != OperationKind.Scan)
        {
            // A read that gave no answer says nothing.
            var isRead = slot.Kind == OperationKind.Get;
            sink.History(new HistoryOperation(
                slot.Process, KindOf(slot), slot.Work.Key, slot.Kind == OperationKind.Put ? slot.WriteIdentity : 0,
                slot.RequestNanos, nowNanos, isRead ? HistoryOutcome.Fail : HistoryOutcome.Info));
        }

        Figures(slot, OperationOutcome.Unknown, nowNanos, degraded: false, NeverEnded);
    }

    /// <summary>An operation was not sent because too many are in flight.</summary>
    public void Shed(in Workload operation, long intendedNanos, long nowNanos)
    {
        Counters.ByOutcome[(int)OperationOutcome.Shed]++;
        sink.Completed(new CompletedOperation
        {
            Type = (OperationType)operation.Type,
            Outcome = OperationOutcome.Shed,
            IntendedNanos = intendedNanos,
            StartNanos = nowNanos,
            EndNanos = nowNanos,
        });
    }

    private void Figures(
        LoadSlot slot, OperationOutcome outcome, long endNanos, bool degraded, string? reason)
    {
        Counters.ByOutcome[(int)outcome]++;
        Counters.EndNanos = Math.Max(Counters.EndNanos, endNanos);
        sink.Completed(new CompletedOperation
        {
            Type = (OperationType)slot.Work.Type,
            Outcome = outcome,
            IntendedNanos = slot.IntendedNanos,
            StartNanos = slot.StartNanos,
            EndNanos = endNanos,
            Degraded = degraded,
            Reason = outcome == OperationOutcome.Corrupt
                ? slot.Check == RecordCheck.OtherKey ? "value of another key" : "value fails its checksum"
                : reason,
        });
    }

    private static HistoryKind KindOf(LoadSlot slot) => slot.Kind switch
    {
        OperationKind.Get => HistoryKind.Read,
        OperationKind.Put => HistoryKind.Write,
        _ => HistoryKind.Delete,
    };

    private static OperationOutcome OutcomeOf(LoadSlot slot)
    {
        var isWrite = slot.Kind is OperationKind.Put or OperationKind.Delete;
        return slot.Outcome switch
        {
            Outcome.Ok when !isWrite && slot.Check != RecordCheck.Whole => OperationOutcome.Corrupt,
            Outcome.Ok => OperationOutcome.Ok,
            Outcome.NotFound when slot.Kind != OperationKind.Put => OperationOutcome.NotFound,
            Outcome.Failed => OperationOutcome.Failed,

            // A read has no effect that could be unknown.
            _ => isWrite ? OperationOutcome.Unknown : OperationOutcome.Failed,
        };
    }

    private static HistoryOutcome WriteOutcome(Outcome outcome, bool absentIsOk) => outcome switch
    {
        Outcome.Ok => HistoryOutcome.Ok,
        Outcome.NotFound when absentIsOk => HistoryOutcome.Ok,
        Outcome.Failed => HistoryOutcome.Fail,
        _ => HistoryOutcome.Info,
    };
}
