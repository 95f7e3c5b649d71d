using Testbed.Workloads.Properties;

namespace Testbed.Workloads;

/// <summary>How record numbers are chosen.</summary>
public enum RequestDistribution : byte
{
    /// <summary>Each record equally often.</summary>
    Uniform = 0,

    /// <summary>YCSB's scrambled zipfian.</summary>
    Zipfian = 1,

    /// <summary>Zipfian distances from the newest record.</summary>
    Latest = 2,

    /// <summary>A hot set and the rest.</summary>
    Hotspot = 3,

    /// <summary>Exponential distances from the newest record.</summary>
    Exponential = 4,

    /// <summary>One after the other.</summary>
    Sequential = 5,

    /// <summary>Beyond YCSB: exact zipf with exponent 0.99.</summary>
    ZipfExact = 6,
}

/// <summary>How a length is drawn between its least and its most.</summary>
public enum LengthDistribution : byte
{
    /// <summary>Always the most.</summary>
    Constant = 0,

    /// <summary>Each length equally often.</summary>
    Uniform = 1,

    /// <summary>Short lengths more often, YCSB's zipfian.</summary>
    Zipfian = 2,

    /// <summary>By a histogram.</summary>
    Histogram = 3,
}

/// <summary>A law for lengths. Weights and block size are those of a histogram.</summary>
public sealed record LengthSpec(
    LengthDistribution Distribution, long Min, long Max, long BlockSize = 0,
    IReadOnlyList<long>? Weights = null);

/// <summary>A workload, checked and complete. Built by <see cref="Parse"/> only.</summary>
public sealed record WorkloadSpec
{
    /// <summary>Largest record.</summary>
    public const long MaxRecordBytes = 16 * 1024 * 1024;

    internal WorkloadSpec()
    {
    }

    /// <summary>Name of the file, or of the shipped workload.</summary>
    public required string Name { get; init; }

    /// <summary>Every effective property as resolved, by name in ordinal order; for the manifest.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Properties { get; init; }

    /// <summary>Records there are once loaded; inserts of the run get the numbers from here on.</summary>
    public required long RecordCount { get; init; }

    /// <summary>
    /// Operations of the run as YCSB counts them, 0 when not said; only expected inserts depend on it.
    /// </summary>
    public required long OperationCount { get; init; }

    /// <summary>First record of the load phase.</summary>
    public required long InsertStart { get; init; }

    /// <summary>Records of the load phase.</summary>
    public required long InsertCount { get; init; }

    /// <summary>True: keys carry the number itself; false: its hash.</summary>
    public required bool OrderedKeys { get; init; }

    /// <summary>Least number of digits in a key.</summary>
    public required int ZeroPadding { get; init; }

    /// <summary>
    /// What every key begins with; empty but for runs in a cluster that holds keys of others too.
    /// </summary>
    public string KeyPrefix { get; init; } = "";

    /// <summary>Fields per record.</summary>
    public required int FieldCount { get; init; }

    /// <summary>Length of a field, or of the record when <see cref="LengthIsOfRecord"/>.</summary>
    public required LengthSpec Length { get; init; }

    /// <summary>True when <c>valuesize</c> gives the length of the whole record.</summary>
    public required bool LengthIsOfRecord { get; init; }

    /// <summary>False: an update reads the record, replaces one field and writes it back.</summary>
    public required bool WriteAllFields { get; init; }

    /// <summary>Weight of reads.</summary>
    public required double ReadProportion { get; init; }

    /// <summary>Weight of updates.</summary>
    public required double UpdateProportion { get; init; }

    /// <summary>Weight of inserts.</summary>
    public required double InsertProportion { get; init; }

    /// <summary>Weight of scans.</summary>
    public required double ScanProportion { get; init; }

    /// <summary>Weight of read-modify-writes.</summary>
    public required double ReadModifyWriteProportion { get; init; }

    /// <summary>Weight of deletes (beyond YCSB).</summary>
    public required double DeleteProportion { get; init; }

    /// <summary>How records are chosen.</summary>
    public required RequestDistribution RequestDistribution { get; init; }

    /// <summary>Share of the records that is hot.</summary>
    public required double HotspotDataFraction { get; init; }

    /// <summary>Share of the operations that goes to the hot records.</summary>
    public required double HotspotOperationFraction { get; init; }

    /// <summary>
    /// Percentage of requests to the newest <see cref="ExponentialFraction"/> of the records.
    /// </summary>
    public required double ExponentialPercentile { get; init; }

    /// <summary>See <see cref="ExponentialPercentile"/>.</summary>
    public required double ExponentialFraction { get; init; }

    /// <summary>Keys a scan asks for.</summary>
    public required LengthSpec ScanLength { get; init; }

    /// <summary>How often a failed insert of the load phase is tried again.</summary>
    public required int InsertRetryLimit { get; init; }

    /// <summary>Mean pause before trying again.</summary>
    public required double InsertRetrySeconds { get; init; }

    /// <summary>Largest record this workload writes.</summary>
    public int MaxValueBytes =>
        (int)Math.Max(RecordValue.HeaderBytes, LengthIsOfRecord ? Length.Max : Length.Max * FieldCount);

    /// <summary>
    /// Inserts YCSB's zipfian reserves numbers for: operations x insert proportion x 2, so that the set of
    /// popular records does not change while records are added.
    /// </summary>
    public long ExpectedInserts => (long)(OperationCount * InsertProportion * 2.0);

    /// <summary>The key names of this workload.</summary>
    public KeyFormat CreateKeyFormat() => new(OrderedKeys, ZeroPadding, KeyPrefix);

    /// <summary>
    /// Reads a workload file and <c>name=value</c> overrides (the last one wins). <paramref name="readText"/>
    /// gives the text of a file the workload names (<c>fieldlengthhistogram</c>), or null when it cannot be
    /// read.
    /// </summary>
    public static WorkloadParseResult Parse(
        WorkloadFile file, IReadOnlyList<string> overrides, Func<string, string?>? readText = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(overrides);
        return new SpecReader(file, overrides, readText).Read();
    }
}
