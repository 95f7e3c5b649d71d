namespace Testbed.Store;

/// <summary>Sees one record of a scan; returns false to stop.</summary>
public delegate bool ScanVisitor(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload);
