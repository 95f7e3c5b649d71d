namespace Testbed.Workloads;

/// <summary>What an operation of a workload does. The numbers are those the results use.</summary>
public enum WorkloadOperationType : byte
{
    /// <summary>Read one record.</summary>
    Read = 0,

    /// <summary>Write an existing record.</summary>
    Update = 1,

    /// <summary>Write a new record.</summary>
    Insert = 2,

    /// <summary>Read records in key order.</summary>
    Scan = 3,

    /// <summary>Read a record, then write it.</summary>
    ReadModifyWrite = 4,

    /// <summary>Remove a record (beyond YCSB).</summary>
    Delete = 5,
}

/// <summary>One operation of a workload.</summary>
/// <param name="Sequence">Position in the stream, from 0.</param>
/// <param name="Type">What to do.</param>
/// <param name="Key">Record number; <see cref="KeyFormat"/> makes the key of it.</param>
/// <param name="ScanLength">Keys a scan asks for; 0 otherwise.</param>
/// <param name="ValueBytes">Length of the record a write makes; 0 otherwise.</param>
/// <param name="Field">The one field an update replaces; -1 when it replaces all.</param>
public readonly record struct Operation(
    long Sequence, WorkloadOperationType Type, long Key, int ScanLength, int ValueBytes, int Field)
{
    /// <summary>
    /// True for an update or read-modify-write that keeps the other fields of the record it read.
    /// </summary>
    public bool IsPartial => Field >= 0;
}
