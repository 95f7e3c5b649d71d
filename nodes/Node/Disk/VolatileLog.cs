using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node.Disk;

/// <summary>
/// The log of level <c>memory</c>: it counts records and keeps none. What a node knows dies with its process.
/// </summary>
internal sealed class VolatileLog : INodeLog
{
    private long _appended;

    public bool IsVolatile => true;

    public LogSequence Appended => new(_appended);

    public LogSequence Durable => new(Volatile.Read(ref _appended));

    public bool IsFull => false;

    public long LogBytes => 0;

    public TimeBuckets WriteTimes { get; } = new();

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        Volatile.Write(ref _appended, _appended + 1);
        return new LogSequence(_appended);
    }

    public void Release(LogSequence upTo)
    {
        // There is nothing to give up.
    }

    public void HandOver()
    {
        // What was appended is as durable as it will be.
    }

    public void Stop()
    {
        // Nothing is under way.
    }
}
