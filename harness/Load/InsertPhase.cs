using Testbed.Results;
using Testbed.Workloads;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// Loads the records. An attempt that failed or is unknown is made again with a value of its own.
/// </summary>
internal sealed class InsertPhase(
    LoadEngine engine, LoadStream stream, int concurrency, long pauseMicros, int attempts)
    : ListPhase(engine, concurrency, pauseMicros, attempts)
{
    protected override bool TryNext(out Workload operation) => stream.TryNext(out operation);

    protected override bool IsAnswer(OperationOutcome outcome) => outcome == OperationOutcome.Ok;
}
