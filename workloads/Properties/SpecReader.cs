using System.Globalization;

namespace Testbed.Workloads.Properties;

/// <summary>
/// Builds a <see cref="WorkloadSpec"/> from a file and overrides, or says line by line why it cannot.
/// </summary>
internal sealed class SpecReader(
    WorkloadFile file, IReadOnlyList<string> overrides, Func<string, string?>? readText)
{
    private const long MaxRecords = 10_000_000_000;
    private const long MaxScanKeys = 10_000;
    private const string FromZero = "from 0 up";
    private const string Fraction = "from 0 to 1";
    private static readonly string[] Orders = ["hashed", "ordered"];
    private static readonly string[] Requests =
        ["uniform", "zipfian", "latest", "hotspot", "exponential", "sequential", "zipf-exact"];

    private static readonly string[] FieldLengths = ["constant", "uniform", "zipfian", "histogram"];
    private static readonly string[] OtherLengths = ["constant", "uniform", "zipfian"];
    private static readonly string[] ScanLengths = ["uniform", "zipfian"];
    private readonly PropertyBag _bag = new(file.Name);

    /// <summary>Does it.</summary>
    public WorkloadParseResult Read()
    {
        Collect(PropertyFile.Read(file, _bag.Errors), warnOfRepeats: true);
        Collect(PropertyFile.ReadOverrides(overrides, _bag.Errors), warnOfRepeats: false);
        ReadClass();
        var spec = ReadSpec();
        return _bag.Errors.Count == 0
            ? new WorkloadParseResult(spec, [], _bag.Warnings)
            : new WorkloadParseResult(null, _bag.Errors, _bag.Warnings);
    }

    private void Collect(List<PropertyLine> lines, bool warnOfRepeats)
    {
        foreach (var line in lines)
        {
            if (PropertyNames.IsEffective(line.Name))
            {
                if (warnOfRepeats && _bag.Has(line.Name))
                {
                    _bag.Warnings.Add($"{line.Where}: {line.Name} was given before; the last one counts");
                }

                _bag.Set(line);
            }
            else if (PropertyNames.WhyWithoutEffect(line.Name) is { } why)
            {
                _bag.Warnings.Add($"{line.Where}: {line.Name} has no effect: {why}");
            }
            else
            {
                var nearest = PropertyNames.Nearest(line.Name);
                _bag.Errors.Add($"{line.Where}: unknown property {line.Name}; "
                    + (nearest is null ? "remove it" : $"did you mean {nearest}?"));
            }
        }
    }

    private void ReadClass()
    {
        const string core = "CoreWorkload";
        var name = _bag.Plain("workload", "site.ycsb.workloads.CoreWorkload");
        if (name != core && !name.EndsWith("." + core, StringComparison.Ordinal))
        {
            _bag.Error("workload", $"workload={name} is not supported; only YCSB's CoreWorkload is: remove the line");
        }
    }

    private WorkloadSpec ReadSpec()
    {
        var records = _bag.Number("recordcount", 1, 1, MaxRecords);
        if (!_bag.Has("recordcount"))
        {
            _bag.Error("recordcount", "recordcount is missing; add recordcount=N or give -p recordcount=N");
        }

        var start = _bag.Number("insertstart", 0, 0, MaxRecords);
        var count = _bag.Number("insertcount", Math.Max(records - start, 0), 0, MaxRecords);
        if (count == 0 && _bag.Errors.Count == 0)
        {
            _bag.Error("insertcount", "there are no records to load; make insertcount at least 1 and insertstart "
                + "smaller than recordcount");
        }
        else if (start + count > records && _bag.Errors.Count == 0)
        {
            _bag.Error("insertcount", $"insertstart + insertcount = {Text(start + count)} is more than recordcount = "
                + $"{Text(records)}; make recordcount larger");
        }

        var (length, ofRecord, fields) = ReadLength();
        var operations = _bag.Number("operationcount", 0, 0, long.MaxValue / 4);
        var request = (RequestDistribution)_bag.Word("requestdistribution", 0, Requests);
        var spec = new WorkloadSpec
        {
            Name = file.Name,
            RecordCount = records,
            OperationCount = operations,
            InsertStart = start,
            InsertCount = count,
            OrderedKeys = _bag.Word("insertorder", 0, Orders) == 1,
            ZeroPadding = (int)_bag.Number("zeropadding", 1, 0, KeyFormat.MaxZeroPadding),
            FieldCount = fields,
            Length = length,
            LengthIsOfRecord = ofRecord,
            WriteAllFields = _bag.Flag("writeallfields", false),
            ReadProportion = Proportion("read", 0.95),
            UpdateProportion = Proportion("update", 0.05),
            InsertProportion = Proportion("insert", 0),
            ScanProportion = Proportion("scan", 0),
            ReadModifyWriteProportion = Proportion("readmodifywrite", 0),
            DeleteProportion = Proportion("delete", 0),
            RequestDistribution = request,
            HotspotDataFraction = _bag.Real("hotspotdatafraction", 0.2, 0, 1, Fraction),
            HotspotOperationFraction = _bag.Real("hotspotopnfraction", 0.8, 0, 1, Fraction),
            ExponentialPercentile = _bag.Real("exponential.percentile", 95, 0.001, 99.999, "from 0.001 to 99.999"),
            ExponentialFraction = _bag.Real("exponential.frac", 0.8571428571, 1e-9, 1, "above 0, up to 1"),
            ScanLength = ReadScanLength(),
            InsertRetryLimit = (int)_bag.Number("core_workload_insertion_retry_limit", 0, 0, 1000),
            InsertRetrySeconds = _bag.Real("core_workload_insertion_retry_interval", 3, 0, 3600, "from 0 to 3600"),
            Properties = [],
        };
        ReadFlagsWithoutEffect(length);
        CheckMix(spec);
        return spec with { Properties = _bag.Resolved };
    }

    private double Proportion(string operation, double fallback) =>
        _bag.Real(operation + "proportion", fallback, 0, 1e9, FromZero);

    private (LengthSpec Length, bool OfRecord, int Fields) ReadLength()
    {
        var fields = (int)_bag.Number("fieldcount", 10, 1, 1_000_000);
        var fieldLength = _bag.Number("fieldlength", 100, 1, WorkloadSpec.MaxRecordBytes);
        var least = _bag.Number("minfieldlength", 1, 1, WorkloadSpec.MaxRecordBytes);
        var law = (LengthDistribution)_bag.Word("fieldlengthdistribution", 0, FieldLengths);
        var histogram = _bag.Plain("fieldlengthhistogram", "hist.txt");
        if (_bag.Has("valuesize"))
        {
            return (ReadValueSize(), true, fields);
        }

        foreach (var name in new[] { "valuesizedistribution", "minvaluesize" })
        {
            if (_bag.Has(name))
            {
                _bag.Error(name, $"{name} needs valuesize; add valuesize=BYTES");
            }
        }

        var length = law switch
        {
            LengthDistribution.Histogram => ReadHistogram(histogram),
            LengthDistribution.Constant => new LengthSpec(law, fieldLength, fieldLength),
            _ => new LengthSpec(law, least, fieldLength),
        };
        if (length.Min > length.Max)
        {
            _bag.Error("minfieldlength", $"minfieldlength={Text(least)} is more than fieldlength={Text(fieldLength)}; "
                + "make it smaller");
        }

        if (length.Max * fields > WorkloadSpec.MaxRecordBytes)
        {
            _bag.Error("fieldlength", $"fieldcount x fieldlength = {Text(length.Max * fields)} bytes is more than a "
                + $"record may have ({Text(WorkloadSpec.MaxRecordBytes)}); make one of them smaller");
        }
        else if (length.Min * fields < RecordValue.HeaderBytes)
        {
            _bag.Warn("fieldlength", $"records shorter than {Text(RecordValue.HeaderBytes)} bytes are made that long, "
                + "to hold the identity of the write");
        }

        return (length, false, fields);
    }

    private LengthSpec ReadValueSize()
    {
        const long least = RecordValue.HeaderBytes;
        var max = _bag.Number("valuesize", 1024, least, WorkloadSpec.MaxRecordBytes);
        var min = _bag.Number("minvaluesize", least, least, WorkloadSpec.MaxRecordBytes);
        var law = (LengthDistribution)_bag.Word("valuesizedistribution", 0, OtherLengths);
        if (law != LengthDistribution.Constant && min > max)
        {
            _bag.Error("minvaluesize", $"minvaluesize={Text(min)} is more than valuesize={Text(max)}; make it smaller");
        }

        return new LengthSpec(law, law == LengthDistribution.Constant ? max : min, max);
    }

    private LengthSpec ReadHistogram(string name)
    {
        var nothing = new LengthSpec(LengthDistribution.Constant, 1, 1);
        if (readText?.Invoke(name) is not { } text)
        {
            _bag.Error("fieldlengthhistogram", $"cannot read the histogram file {name}; name one that exists with "
                + "fieldlengthhistogram=FILE");
            return nothing;
        }

        return HistogramFile.Read(new WorkloadFile(name, text), _bag.Errors) ?? nothing;
    }

    private LengthSpec ReadScanLength()
    {
        var min = _bag.Number("minscanlength", 1, 1, MaxScanKeys);
        var max = _bag.Number("maxscanlength", 1000, 1, MaxScanKeys);
        if (min > max)
        {
            _bag.Error("minscanlength", $"minscanlength={Text(min)} is more than maxscanlength={Text(max)}; "
                + "make it smaller");
        }

        var law = _bag.Word("scanlengthdistribution", 0, ScanLengths);
        return new LengthSpec(law == 0 ? LengthDistribution.Uniform : LengthDistribution.Zipfian, min, max);
    }

    private void ReadFlagsWithoutEffect(LengthSpec length)
    {
        if (!_bag.Flag("readallfields", true))
        {
            _bag.Warn("readallfields", "readallfields=false has no effect: records are opaque, a read returns all "
                + "of one");
        }

        if (_bag.Flag("dataintegrity", false) && length.Distribution != LengthDistribution.Constant)
        {
            _bag.Error("dataintegrity", "dataintegrity=true needs records of constant length, as in YCSB; remove it: "
                + "every value is checked anyway");
        }
    }

    private void CheckMix(WorkloadSpec spec)
    {
        var sum = spec.ReadProportion + spec.UpdateProportion + spec.InsertProportion + spec.ScanProportion
            + spec.ReadModifyWriteProportion + spec.DeleteProportion;
        if (sum <= 0)
        {
            _bag.Error("readproportion", "all proportions are zero, so there is nothing to do; make one of them "
                + "positive");
        }
        else if (Math.Abs(sum - 1) > 1e-6)
        {
            var total = sum.ToString("0.######", CultureInfo.InvariantCulture);
            _bag.Warn("readproportion", $"the proportions add up to {total}; they are used as weights");
        }

        if (spec.RequestDistribution == RequestDistribution.Zipfian && spec.InsertProportion > 0
            && spec.OperationCount == 0)
        {
            _bag.Warn("operationcount", "operationcount is missing, so inserted records are never asked for; "
                + "give -p operationcount=N");
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
