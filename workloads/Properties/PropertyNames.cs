namespace Testbed.Workloads.Properties;

/// <summary>Which property names exist, and which of them do nothing here.</summary>
internal static class PropertyNames
{
    /// <summary>Names that change the workload.</summary>
    public static readonly string[] Effective =
    [
        "core_workload_insertion_retry_interval", "core_workload_insertion_retry_limit", "dataintegrity",
        "deleteproportion", "exponential.frac", "exponential.percentile", "fieldcount", "fieldlength",
        "fieldlengthdistribution", "fieldlengthhistogram", "hotspotdatafraction", "hotspotopnfraction", "insertcount",
        "insertorder", "insertproportion", "insertstart", "maxscanlength", "minfieldlength", "minscanlength",
        "minvaluesize", "operationcount", "readallfields", "readmodifywriteproportion", "readproportion",
        "recordcount", "requestdistribution", "scanlengthdistribution", "scanproportion", "updateproportion",
        "valuesize", "valuesizedistribution", "workload", "writeallfields", "zeropadding",
    ];

    private static readonly (string Name, string Why)[] WithoutEffect =
    [
        ("columnfamily", "there are no column families"),
        ("db", "the cluster is chosen with --strategy"),
        ("debug.pause", "it belongs to YCSB's own client"),
        ("dotransactions", "load and run are phases of one run"),
        ("exporter", "results go to the run folder"),
        ("exportfile", "results go to the run folder"),
        ("fieldnameprefix", "records are opaque: fields have no names"),
        ("insertionretryinterval", "it belongs to YCSB's own client"),
        ("jdbc.fetchsize", "it belongs to a database driver"),
        ("latencytrackederrors", "every outcome has its own histogram"),
        ("maxexecutiontime", "the time is set with --duration"),
        ("measurementtype", "latencies always go to HdrHistograms"),
        ("operation.timeout", "it belongs to YCSB's own client"),
        ("readallfieldsbyname", "records are opaque: fields have no names"),
        ("reportlatencyforeacherror", "every outcome has its own histogram"),
        ("status.interval", "the status line has its own interval"),
        ("table", "there is one table"),
        ("target", "the rate is set with --rate"),
        ("threadcount", "the concurrency is set with --clients"),
    ];

    private static readonly (string Prefix, string Why)[] PrefixesWithoutEffect =
    [
        ("measurement.", "latencies always go to HdrHistograms"),
        ("hdrhistogram.", "latencies always go to HdrHistograms"),
        ("histogram.", "latencies always go to HdrHistograms"),
        ("timeseries.", "windows of 100 ms are always kept"),
        ("basicdb.", "it belongs to a YCSB database binding"),
        ("cassandra.", "it belongs to a YCSB database binding"),
        ("couchbase.", "it belongs to a YCSB database binding"),
        ("dynamodb.", "it belongs to a YCSB database binding"),
        ("hbase.", "it belongs to a YCSB database binding"),
        ("jdbc.", "it belongs to a YCSB database binding"),
        ("mongodb.", "it belongs to a YCSB database binding"),
        ("redis.", "it belongs to a YCSB database binding"),
        ("rocksdb.", "it belongs to a YCSB database binding"),
        ("etcd.", "it belongs to a YCSB database binding"),
    ];

    /// <summary>True when the name changes the workload.</summary>
    public static bool IsEffective(string name) => Array.IndexOf(Effective, name) >= 0;

    /// <summary>
    /// Why a name that YCSB knows does nothing here; null when YCSB does not know it either.
    /// </summary>
    public static string? WhyWithoutEffect(string name)
    {
        foreach (var (known, why) in WithoutEffect)
        {
            if (known == name)
            {
                return why;
            }
        }

        foreach (var (prefix, why) in PrefixesWithoutEffect)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return why;
            }
        }

        return null;
    }

    /// <summary>
    /// The effective name with the smallest edit distance; null when none is within half its length.
    /// </summary>
    public static string? Nearest(string name) => Nearest(name, Effective);

    /// <summary>
    /// The candidate with the smallest edit distance; null when none is within half its length.
    /// </summary>
    public static string? Nearest(string name, IReadOnlyList<string> candidates)
    {
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var distance = EditDistance(name.ToLowerInvariant(), candidate);
            if (distance < bestDistance && distance <= candidate.Length / 2)
            {
                best = candidate;
                bestDistance = distance;
            }
        }

        return best;
    }

    // Wagner and Fischer, one row at a time.
    private static int EditDistance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replace, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
