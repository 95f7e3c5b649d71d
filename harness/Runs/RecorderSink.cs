using Testbed.Checker;
using Testbed.Harness.Load;
using Testbed.Results;

namespace Testbed.Harness.Runs;

/// <summary>Hands what the load generator reports to the recorder and the history.</summary>
internal sealed class RecorderSink(WorkerRecorder recorder, HistoryWriter history) : IOperationSink
{
    /// <inheritdoc/>
    public void Completed(in CompletedOperation op) => recorder.Record(op);

    /// <inheritdoc/>
    public void Invoked(in HistoryEvent invocation) => history.Add(invocation);

    /// <inheritdoc/>
    public void History(in HistoryOperation op) => history.Add(HistoryEvent.Completion(op));
}
