using Testbed.Benchmarks.Isal;
using Testbed.Benchmarks.Verbs;
using Testbed.Erasure;

namespace Testbed.Tests.Unit.Erasure;

/// <summary>Intel's library, given our matrices, computes the same bytes.</summary>
public sealed class IsalTests
{
    private static readonly int[] BlockBytes =
        [1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 342, 1000, 2048, 2111, 4096, 5000, 10_001];

    public static TheoryData<string> Kernels { get; } = [.. Kernel.Available.Select(kernel => kernel.Name)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void ISA_L_with_our_matrix_gives_identical_parity_and_rebuilt_blocks(string name)
    {
        Assert.SkipUnless(IsalLibrary.IsPresent, "skipped: " + IsalLibrary.Absent);
        foreach (var (data, parity) in new[] { (1, 2), (2, 1), (3, 2), (4, 2), (6, 3), (10, 4), (12, 8), (20, 12) })
        {
            foreach (var task in Enum.GetValues<IsalTask>())
            {
                foreach (var bytes in BlockBytes)
                {
                    var work = new IsalCase(data, parity, bytes, task, Kernel.Named(name));
                    work.Clear();
                    work.Theirs();
                    Assert.Equal(work.Expected, work.Outputs);
                    work.Clear();
                    work.Ours();
                    Assert.Equal(work.Expected, work.Outputs);
                }
            }
        }
    }

    [Fact]
    public void The_comparison_prints_a_line_for_each_cell_or_why_there_is_none()
    {
        var folder = Directory.CreateTempSubdirectory("testbed-isal-").FullName;
        try
        {
            using var output = new StringWriter();
            IsalVerb.Run(output, folder, rounds: 1, TimeSpan.FromMicroseconds(5), Kernel.Default,
                TestContext.Current.CancellationToken);
            if (!IsalLibrary.IsPresent)
            {
                Assert.Equal("isal: skipped: " + IsalLibrary.Absent, output.ToString().TrimEnd());
                return;
            }

            Assert.Contains("10+4", output.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("NaN", output.ToString(), StringComparison.Ordinal);
            var lines = File.ReadAllLines(Path.Combine(folder, "codec-isal.csv"));
            Assert.Equal(1 + ((2 + (4 * 4)) * 6), lines.Length);
            Assert.All(lines, line => Assert.Equal(8, line.Split(',').Length));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
