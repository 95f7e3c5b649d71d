using Testbed.Results;
using Testbed.Workloads;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// Reads every key that was ever written, so that the history says what the cluster holds in the end.
/// </summary>
internal sealed class FinalReadPhase(LoadEngine engine, int concurrency, long pauseMicros, int attempts)
    : ListPhase(engine, concurrency, pauseMicros, attempts)
{
    private long _sequence;
    private long _from;

    protected override bool TryNext(out Workload operation)
    {
        var key = _from < 0 ? -1 : Engine.Written.From(_from);
        _from = key < 0 ? -1 : key + 1;
        operation = new Workload(_sequence, WorkloadOperationType.Read, key, 0, 0, -1);
        _sequence++;
        return key >= 0;
    }

    protected override bool IsAnswer(OperationOutcome outcome) => outcome != OperationOutcome.Failed;
}
