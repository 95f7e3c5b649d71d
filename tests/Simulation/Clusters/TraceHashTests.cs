using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Testbed.Simulator;

namespace Testbed.Tests.Simulation.Clusters;

/// <summary>
/// Equal seeds give equal runs on every machine: what one machine recorded in trace-hashes.txt, each one that
/// runs these tests computes again, also with the instruction sets of lesser processors.
/// </summary>
public sealed class TraceHashTests(ITestOutputHelper output)
{
    private const string RewriteVariable = "TESTBED_WRITE_TRACE_HASHES";
    private const string FileName = "trace-hashes.txt";
    private const ulong Seeds = 40;

    private const string RewriteCommand =
        $"{RewriteVariable}=1 dotnet run -c Release --project tests/Simulation -- -method '*.{nameof(Trace_hashes_are_those_that_were_recorded)}'";

    private static readonly TimeSpan ChildPatience = TimeSpan.FromMinutes(10);

    [Fact]
    public void Trace_hashes_are_those_that_were_recorded()
    {
        AssertIntrinsicsAreAsAsked();
        var computed = Compute();
        if (Environment.GetEnvironmentVariable(RewriteVariable) == "1")
        {
            File.WriteAllText(SourceFile(), Header() + string.Join('\n', computed) + "\n");
            output.WriteLine($"{SourceFile()} is rewritten");
            return;
        }

        var recorded = Recorded();
        var others = computed.Except(recorded).ToList();
        Assert.True(
            recorded.SequenceEqual(computed),
            $"{others.Count} of {computed.Count} simulations run otherwise than recorded in {FileName}: "
            + $"{string.Join("; ", others.Take(4))}. If a core, a client or the simulator was changed on purpose, rewrite "
            + $"the file: {RewriteCommand}. If nothing changed, this machine computes something differently: that is a bug.");
    }

    [Theory]
    [InlineData("EnableAVX2=0")]
    [InlineData("EnableHWIntrinsic=0")]
    [InlineData("TieredCompilation=0 gcServer=1")]
    public async Task Other_instruction_sets_and_compilers_make_no_difference(string settings)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(TraceHashTests).Assembly.Location);
        }

        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"*.{nameof(Trace_hashes_are_those_that_were_recorded)}");
        start.Environment.Remove(RewriteVariable);
        foreach (var setting in settings.Split(' '))
        {
            start.Environment["DOTNET_" + setting.Split('=')[0]] = setting.Split('=')[1];
        }

        using var child = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(ChildPatience);
        try
        {
            var said = child.StandardOutput.ReadToEndAsync(patience.Token);
            var complained = child.StandardError.ReadToEndAsync(patience.Token);
            await child.WaitForExitAsync(patience.Token);
            Assert.True(child.ExitCode == 0, $"with {settings}: {await said}{await complained}");
            Assert.Contains("Total: 1,", await said, StringComparison.Ordinal);
        }
        finally
        {
            if (!child.HasExited)
            {
                child.Kill();
            }
        }
    }

    // A setting that the runtime does not know would prove nothing.
    private static void AssertIntrinsicsAreAsAsked()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_EnableAVX2") == "0")
        {
            Assert.False(Avx2.IsSupported);
        }

        if (Environment.GetEnvironmentVariable("DOTNET_EnableHWIntrinsic") == "0")
        {
            Assert.False(Vector128.IsHardwareAccelerated);
        }
    }

    private static List<string> Compute()
    {
        var lines = new List<string>();
        var memory = new SimulationMemory();
        foreach (var strategy in Enum.GetValues<SimulatedStrategy>())
        {
            for (var seed = 1UL; seed <= Seeds; seed++)
            {
                var options = new SimulationOptions { Strategy = strategy, Seed = seed };
                var hash = Testbed.Simulator.Simulation.Run(options, memory).TraceHash;
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"{strategy} {seed} {hash:x16}"));
            }
        }

        return lines;
    }

    private static string Header() =>
        $"# Strategy, seed and trace hash of simulations, computed again by every run of the tests. Rewritten by\n"
        + $"# {RewriteCommand}\n";

    private static List<string> Recorded()
    {
        using var resource = typeof(TraceHashTests).Assembly.GetManifestResourceStream(FileName)!;
        using var reader = new StreamReader(resource, Encoding.ASCII);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => line[0] != '#')];
    }

    private static string SourceFile()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Testbed.sln")))
        {
            folder = folder.Parent;
        }

        Assert.True(folder is not null, "the file can only be rewritten from within the source tree");
        return Path.Combine(folder.FullName, "tests", "Simulation", "Clusters", FileName);
    }
}
