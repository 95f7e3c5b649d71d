namespace Testbed.Store;

/// <summary>
/// Takes one record of a snapshot. It must not change the store; the spans are valid until it returns.
/// </summary>
public delegate void SnapshotSink(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload);
