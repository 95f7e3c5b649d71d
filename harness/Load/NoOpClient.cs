using Testbed.Client;
using Testbed.Workloads;

namespace Testbed.Harness.Load;

/// <summary>
/// A client without a cluster: every operation ends at once, on the thread that submits it. Measures what the
/// load generator itself costs. Writes are ok; gets find a valid record, or nothing when <paramref
/// name="valueBytes"/> is 0; scans find nothing. The record of a get is valid until its completion returns,
/// one per thread.
/// </summary>
/// <param name="valueBytes">Length of the records gets find: 0, or at least <see
/// cref="RecordValue.HeaderBytes"/>.</param>
public sealed class NoOpClient(int valueBytes = 0) : IKvClient
{
    private static readonly ulong FoundIdentity = RecordValue.Identity(RecordValue.MaxWriter, 1);
    private static readonly IReadOnlyDictionary<string, long> Nothing = new Dictionary<string, long>();
    private readonly int _valueBytes = valueBytes is 0 or >= RecordValue.HeaderBytes
        ? valueBytes
        : throw new ArgumentOutOfRangeException(nameof(valueBytes));

    [ThreadStatic]
    private static byte[]? t_record;

    /// <inheritdoc/>
    public void Submit(KvOperation operation)
    {
        if (operation.Kind != OperationKind.Get)
        {
            operation.CompleteAs(Outcome.Ok);
            return;
        }

        if (_valueBytes == 0)
        {
            operation.CompleteAs(Outcome.NotFound);
            return;
        }

        var record = t_record;
        if (record is null || record.Length < _valueBytes)
        {
            t_record = record = new byte[_valueBytes];
        }

        var keyHash = RecordValue.HashKey(operation.Key.Span);
        RecordValue.Fill(record.AsSpan(0, _valueBytes), FoundIdentity, keyHash);
        operation.CompleteAs(Outcome.Ok, new ReadOnlyMemory<byte>(record, 0, _valueBytes));
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, long> Counters() => Nothing;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
