using Testbed.Workloads;

namespace Testbed.Tests.Unit.Workloads;

public sealed class WorkloadSpecTests
{
    private const string Minimal = "recordcount=100\n";

    public static TheoryData<string> ShippedNames => [.. WorkloadFile.ShippedNames];

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_shipped_workload_parses_without_a_warning(string name)
    {
        var result = WorkloadSpec.Parse(WorkloadFile.Shipped(name)!, []);
        Assert.Empty(result.Errors);
        Assert.Empty(result.Warnings);
        Assert.Equal("workload" + name, result.Spec!.Name);
        Assert.Equal(1000, result.Spec.MaxValueBytes);
        Assert.True(result.Spec.WriteAllFields);
    }

    [Fact]
    public void The_shipped_mixes_are_those_of_YCSB()
    {
        Assert.Equal((0.5, 0.5, 0, 0, 0), Mix("a"));
        Assert.Equal((0.95, 0.05, 0, 0, 0), Mix("b"));
        Assert.Equal((1, 0, 0, 0, 0), Mix("c"));
        Assert.Equal((0.95, 0, 0.05, 0, 0), Mix("d"));
        Assert.Equal((0, 0, 0.05, 0.95, 0), Mix("e"));
        Assert.Equal((0.5, 0, 0, 0, 0.5), Mix("f"));
        Assert.Equal(RequestDistribution.Latest, Shipped("d").RequestDistribution);
        Assert.Equal((1, 100), (Shipped("e").ScanLength.Min, Shipped("e").ScanLength.Max));
    }

    [Fact]
    public void A_shipped_workload_has_its_long_name_too_and_other_names_have_none()
    {
        Assert.Equal(WorkloadFile.Shipped("b"), WorkloadFile.Shipped("WorkloadB"));
        Assert.Null(WorkloadFile.Shipped("g"));
        Assert.Null(WorkloadFile.Shipped("workload"));
    }

    [Fact]
    public void The_defaults_are_those_of_YCSB()
    {
        var spec = Good(Minimal);
        Assert.Equal((0.95, 0.05, 0, 0, 0),
            (spec.ReadProportion, spec.UpdateProportion, spec.InsertProportion, spec.ScanProportion,
                spec.ReadModifyWriteProportion));
        Assert.Equal(RequestDistribution.Uniform, spec.RequestDistribution);
        Assert.Equal((10, 100L), (spec.FieldCount, spec.Length.Max));
        Assert.Equal((0L, 100L), (spec.InsertStart, spec.InsertCount));
        Assert.Equal((1L, 1000L), (spec.ScanLength.Min, spec.ScanLength.Max));
        Assert.False(spec.OrderedKeys);
        Assert.False(spec.WriteAllFields);
        Assert.Equal(1, spec.ZeroPadding);
    }

    [Fact]
    public void Comments_continuations_separators_and_escapes_read_as_in_Java()
    {
        var spec = Good("# comment\n! another\r\n\n  recordcount \\\n    = 1\\\n  23\nfieldcount: 3\nzero\\u0070adding 7\n");
        Assert.Equal(123, spec.RecordCount);
        Assert.Equal(3, spec.FieldCount);
        Assert.Equal(7, spec.ZeroPadding);
    }

    [Fact]
    public void The_last_override_wins_over_the_file_and_over_earlier_ones()
    {
        var spec = Good(Minimal, "recordcount=7", "recordcount=8");
        Assert.Equal(8, spec.RecordCount);
        Assert.Contains(new KeyValuePair<string, string>("recordcount", "8"), spec.Properties);
    }

    [Fact]
    public void A_property_given_twice_in_a_file_is_a_warning()
    {
        var result = Parse("recordcount=1\nrecordcount=2\n");
        Assert.Equal(2, result.Spec!.RecordCount);
        Assert.Equal(["w:2: recordcount was given before; the last one counts"], result.Warnings);
    }

    [Theory]
    [InlineData("recordcoumt=5", "w:2: unknown property recordcoumt; did you mean recordcount?")]
    [InlineData("ReadProportion=1", "w:2: unknown property ReadProportion; did you mean readproportion?")]
    [InlineData("flubber.size=5", "w:2: unknown property flubber.size; remove it")]
    [InlineData("recordcount=ten",
        "w:2: recordcount=ten is not right; give a whole number from 1 to 10000000000")]
    [InlineData("recordcount=0", "w:2: recordcount=0 is not right; give a whole number from 1 to 10000000000")]
    [InlineData("recordcount=1,000",
        "w:2: recordcount=1,000 is not right; give a whole number from 1 to 10000000000")]
    [InlineData("readproportion=-0.5", "w:2: readproportion=-0.5 is not right; give a number from 0 up")]
    [InlineData("readproportion=NaN", "w:2: readproportion=NaN is not right; give a number from 0 up")]
    [InlineData("readproportion=0,5", "w:2: readproportion=0,5 is not right; give a number from 0 up")]
    [InlineData("readallfields=yes", "w:2: readallfields=yes is not right; give true or false")]
    [InlineData("requestdistribution=zipf",
        "w:2: requestdistribution=zipf is not right; give one of uniform, zipfian, latest, hotspot, exponential, "
        + "sequential, zipf-exact (did you mean zipfian?)")]
    [InlineData("insertorder=sorted", "w:2: insertorder=sorted is not right; give one of hashed, ordered")]
    [InlineData("insertcount=101",
        "w:2: insertstart + insertcount = 101 is more than recordcount = 100; make recordcount larger")]
    [InlineData("minscanlength=2000",
        "w:2: minscanlength=2000 is more than maxscanlength=1000; make it smaller")]
    [InlineData("workload=site.ycsb.workloads.TimeSeriesWorkload",
        "w:2: workload=site.ycsb.workloads.TimeSeriesWorkload is not supported; only YCSB's CoreWorkload is: "
        + "remove the line")]
    [InlineData("valuesize=31", "w:2: valuesize=31 is not right; give a whole number from 32 to 16777216")]
    [InlineData("minvaluesize=40", "w:2: minvaluesize needs valuesize; add valuesize=BYTES")]
    [InlineData("fieldlength=16777216",
        "w:2: fieldcount x fieldlength = 167772160 bytes is more than a record may have (16777216); "
        + "make one of them smaller")]
    [InlineData("justaword", "w:2: \"justaword\" has no value; write name=value")]
    [InlineData("=5", "w:2: \"=5\" has no name; write name=value")]
    [InlineData("a\\u12=5", "w:2: \"a\\u12=5\" has a \\u without four hexadecimal digits; correct the escape")]
    public void A_bad_line_gives_one_error_that_says_where_what_and_what_to_do(string line, string error)
    {
        var result = Parse(Minimal + line + "\n");
        Assert.Null(result.Spec);
        Assert.Equal([error], result.Errors);
    }

    [Fact]
    public void A_missing_record_count_is_an_error() =>
        Assert.Equal(
            ["w: recordcount is missing; add recordcount=N or give -p recordcount=N"], Parse("").Errors);

    [Fact]
    public void Proportions_that_are_all_zero_are_an_error()
    {
        var result = Parse(Minimal + "readproportion=0\nupdateproportion=0\n");
        Assert.Equal(
            ["w:2: all proportions are zero, so there is nothing to do; make one of them positive"], result.Errors);
    }

    [Fact]
    public void Proportions_that_do_not_add_up_are_weights_and_a_warning()
    {
        var result = Parse(Minimal + "readproportion=1\n");
        Assert.Equal(["w:2: the proportions add up to 1.05; they are used as weights"], result.Warnings);
        Assert.NotNull(result.Spec);
    }

    [Theory]
    [InlineData("threadcount=8", "w:2: threadcount has no effect: the concurrency is set with --clients")]
    [InlineData("measurement.interval=both",
        "w:2: measurement.interval has no effect: latencies always go to HdrHistograms")]
    [InlineData("table=other", "w:2: table has no effect: there is one table")]
    [InlineData("readallfields=false",
        "w:2: readallfields=false has no effect: records are opaque, a read returns all of one")]
    public void A_property_that_does_nothing_here_is_a_warning(string line, string warning)
    {
        var result = Parse(Minimal + line + "\n");
        Assert.Equal([warning], result.Warnings);
        Assert.NotNull(result.Spec);
    }

    [Theory]
    [InlineData("recordcount", "-p recordcount: this is not a property; write -p name=value")]
    [InlineData("=3", "-p =3: this is not a property; write -p name=value")]
    [InlineData("readproporton=1", "-p readproporton=1: unknown property readproporton; did you mean readproportion?")]
    public void A_bad_override_is_named_as_typed(string text, string error) =>
        Assert.Equal([error], Parse(Minimal, text).Errors);

    [Fact]
    public void Every_error_is_reported_at_once()
    {
        var result = Parse("recordcount=x\nfoo=1\nreadproportion=-1\n");
        Assert.Equal(3, result.Errors.Count);
    }

    [Fact]
    public void A_value_size_replaces_the_fields()
    {
        var spec = Good(Minimal, "valuesize=1024");
        Assert.True(spec.LengthIsOfRecord);
        Assert.Equal(1024, spec.MaxValueBytes);
    }

    [Fact]
    public void A_histogram_file_is_read_through_the_host()
    {
        const string text = "BlockSize\t10\n0\t0\n1\t3\n2\t1\n";
        var file = new WorkloadFile("w", Minimal + "fieldlengthdistribution=histogram\nfieldlengthhistogram=h.txt\n");
        var spec = WorkloadSpec.Parse(file, [], name => name == "h.txt" ? text : null).Spec!;
        Assert.Equal((20L, 30L, 10L), (spec.Length.Min, spec.Length.Max, spec.Length.BlockSize));
        Assert.Equal([0, 3, 1], spec.Length.Weights!);
        Assert.Equal(
            ["w:3: cannot read the histogram file h.txt; name one that exists with fieldlengthhistogram=FILE"],
            WorkloadSpec.Parse(file, [], _ => null).Errors);
    }

    [Theory]
    [InlineData("", "h:1: this is not a histogram; begin with \"BlockSize\", a tab and a positive number")]
    [InlineData("BlockSize\t10\n0\tx\n", "h:2: \"0\tx\" is not a bucket; write its number, a tab and its weight")]
    [InlineData("BlockSize\t10\n1\t5\n", "h:2: bucket 1 is out of order; the next one must be 0")]
    [InlineData("BlockSize\t10\n0\t0\n", "h: the histogram has no weight; give at least one bucket a positive one")]
    public void A_bad_histogram_file_gives_one_error(string text, string error)
    {
        var file = new WorkloadFile("w", Minimal + "fieldlengthdistribution=histogram\nfieldlengthhistogram=h\n");
        Assert.Equal([error], WorkloadSpec.Parse(file, [], _ => text).Errors);
    }

    private static (double, double, double, double, double) Mix(string name)
    {
        var spec = Shipped(name);
        return (spec.ReadProportion, spec.UpdateProportion, spec.InsertProportion, spec.ScanProportion,
            spec.ReadModifyWriteProportion);
    }

    private static WorkloadSpec Shipped(string name) => WorkloadSpec.Parse(WorkloadFile.Shipped(name)!, []).Spec!;

    private static WorkloadParseResult Parse(string text, params string[] overrides) =>
        WorkloadSpec.Parse(new WorkloadFile("w", text), overrides);

    private static WorkloadSpec Good(string text, params string[] overrides)
    {
        var result = Parse(text, overrides);
        Assert.Empty(result.Errors);
        return result.Spec!;
    }
}
