namespace Testbed.Client;

/// <summary>
/// Awaitable operations, for commands and tests; load uses <see cref="IKvClient.Submit"/>, which allocates
/// nothing.
/// </summary>
public static class KvClientExtensions
{
    /// <summary>Reads one key.</summary>
    public static Task<KvResult> GetAsync(this IKvClient client, ReadOnlyMemory<byte> key,
        TimeSpan? timeout = null) =>
        Start(client, OperationKind.Get, key, default, 0, timeout);

    /// <summary>Writes one key.</summary>
    public static Task<KvResult> PutAsync(this IKvClient client, ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value, TimeSpan? timeout = null) =>
        Start(client, OperationKind.Put, key, value, 0, timeout);

    /// <summary>Removes one key.</summary>
    public static Task<KvResult> DeleteAsync(this IKvClient client, ReadOnlyMemory<byte> key,
        TimeSpan? timeout = null) =>
        Start(client, OperationKind.Delete, key, default, 0, timeout);

    /// <summary>Writes one key if it holds <paramref name="expected"/>. Raft only.</summary>
    public static Task<KvResult> CompareAndSetAsync(this IKvClient client, ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> value, TimeSpan? timeout = null) =>
        Submit(client, new AwaitedOperation
        {
            Kind = OperationKind.CompareAndSet,
            Key = key,
            Value = value,
            ExpectsValue = true,
            Expected = expected,
        }, timeout);

    /// <summary>Writes one key if it is absent. Raft only.</summary>
    public static Task<KvResult> PutIfAbsentAsync(this IKvClient client, ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value, TimeSpan? timeout = null) =>
        Start(client, OperationKind.CompareAndSet, key, value, 0, timeout);

    /// <summary>
    /// Reads up to <paramref name="limit"/> present keys in byte order, from <paramref name="start"/> on.
    /// </summary>
    public static Task<KvResult> ScanAsync(this IKvClient client, ReadOnlyMemory<byte> start, int limit,
        TimeSpan? timeout = null) =>
        Start(client, OperationKind.Scan, start, default, limit, timeout);

    private static Task<KvResult> Start(IKvClient client, OperationKind kind, ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value, int scanLimit, TimeSpan? timeout) =>
        Submit(client, new AwaitedOperation
        {
            Kind = kind,
            Key = key,
            Value = value,
            ScanLimit = scanLimit,
        }, timeout);

    private static Task<KvResult> Submit(IKvClient client, AwaitedOperation operation, TimeSpan? timeout)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (timeout is { } limit)
        {
            operation.TimeoutMicros = Math.Max(1, (long)limit.TotalMicroseconds);
        }

        client.Submit(operation);
        return operation.Task;
    }

    private sealed class AwaitedOperation : KvOperation
    {
        // The awaiting code must not run on the client's loop.
        private readonly TaskCompletionSource<KvResult> _completion = new(
            TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<KvResult> Task => _completion.Task;

        protected internal override void OnCompleted() =>
            _completion.TrySetResult(new KvResult(Outcome, Result, Entries, Reason, Rounds, Degraded));
    }
}
