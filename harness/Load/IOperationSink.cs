using Testbed.Checker;
using Testbed.Results;

namespace Testbed.Harness.Load;

/// <summary>
/// Where the load generator reports what happened. One call at a time (from changing threads, each call after
/// the one before it), so an implementation needs no locks. It must not block: the next operation waits for
/// it.
/// </summary>
public interface IOperationSink
{
    /// <summary>An operation of the workload ended, or was shed.</summary>
    void Completed(in CompletedOperation op);

    /// <summary>
    /// A read, write or delete of one key is about to be sent; <see cref="History"/> says how it ended. Its
    /// time is never before that of an end reported earlier.
    /// </summary>
    void Invoked(in HistoryEvent invocation);

    /// <summary>A read, write or delete of one key ended; a read-modify-write gives two of these.</summary>
    void History(in HistoryOperation op);
}
