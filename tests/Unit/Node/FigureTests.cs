extern alias node;

using System.Text;
using node::Testbed.Node.Server;

namespace Testbed.Tests.Unit.Node;

public sealed class FigureTests
{
    [Fact]
    public void Times_are_counted_up_to_and_including_the_bound_of_a_bucket()
    {
        var times = new TimeBuckets();
        foreach (var micros in new long[] { 0, 10, 11, 500_000, 500_001 })
        {
            times.Record(micros);
        }

        var text = new StringBuilder();
        times.Append(text, "t");
        var lines = text.ToString().Split('\n');
        Assert.Equal("# TYPE t histogram", lines[0]);
        Assert.Equal("t_bucket{le=\"10\"} 2", lines[1]);
        Assert.Equal("t_bucket{le=\"20\"} 3", lines[2]);
        Assert.Equal("t_bucket{le=\"500000\"} 4", lines[15]);
        Assert.Equal(["t_bucket{le=\"+Inf\"} 5", "t_sum 1000022", "t_count 5", ""], lines[16..]);
        Assert.Equal((5, 1_000_022), (times.Count, times.SumMicros));
    }

    [Fact]
    public void The_use_of_a_process_is_read_from_the_forms_of_proc()
    {
        Assert.Equal(300L * Environment.SystemPageSize, ProcessUse.Unbacked("9000 1000 700 3 0 500 0"));
        Assert.Null(ProcessUse.Unbacked(""));
        const string io = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\n"
            + "cancelled_write_bytes: 5\n";
        Assert.Equal((4096, 8192), (ProcessUse.Value(io, "read_bytes: "), ProcessUse.Value(io, "write_bytes: ")));
        Assert.Null(ProcessUse.Value("", "read_bytes: "));
    }

    [Fact]
    public void This_process_uses_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: /proc is Linux");
        Assert.True(ProcessUse.Read().WorkingSetBytes > 1_000_000);
        Assert.NotNull(ProcessUse.Read().DiskWriteBytes);
    }
}
