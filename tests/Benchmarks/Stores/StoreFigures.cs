namespace Testbed.Benchmarks.Stores;

/// <summary>What was measured of one store with one size of payload.</summary>
/// <param name="Store">Which store.</param>
/// <param name="Keys">Number of keys.</param>
/// <param name="PayloadBytes">Bytes of each payload.</param>
/// <param name="OwnBytesPerKey">By the store's own books; null when it keeps none.</param>
/// <param name="HeapBytesPerKey">Growth of the garbage collector's heap, after a full collection.</param>
/// <param name="ResidentBytesPerKey">Growth of the process's resident memory, after the same.</param>
/// <param name="CpuNanos">CPU time of the process per operation, in the order of
/// <see cref="StoreRun.Operations"/>.</param>
internal sealed record StoreFigures(string Store, int Keys, int PayloadBytes, double? OwnBytesPerKey,
    double HeapBytesPerKey, double ResidentBytesPerKey, IReadOnlyList<double> CpuNanos);
