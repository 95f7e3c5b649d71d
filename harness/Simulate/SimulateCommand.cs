using System.Globalization;
using System.Text;
using Testbed.Harness.Cli;
using Testbed.Simulator;

namespace Testbed.Harness.Simulate;

/// <summary>Carries out <c>harness simulate</c>: sweeps, figures, and the way to replay a violation.</summary>
internal static class SimulateCommand
{
    /// <summary>Runs all strategies; the exit code says whether one violated.</summary>
    public static int Execute(SimulateOptions options, CliContext context, CancellationToken cancel)
    {
        foreach (var strategy in options.Strategies)
        {
            // First of all: whatever happens, the seed is on the screen.
            context.Out.WriteLine(options.FirstSeed == options.LastSeed
                ? $"{Name(strategy)}: seed {Number(options.FirstSeed)}"
                : $"{Name(strategy)}: seeds {Number(options.FirstSeed)} to {Number(options.LastSeed)}, "
                    + $"{Number(options.Jobs)} at a time");
            var sweep = new SimulationSweep(options, strategy);
            sweep.Run(cancel);
            WriteFigures(context.Out, sweep);
            if (sweep.Failing is { } failing)
            {
                WriteViolation(context.Out, failing, options);
                return ExitCodes.Invalid;
            }
        }

        return ExitCodes.Ok;
    }

    /// <summary>The command that runs exactly this simulation again.</summary>
    public static string ReplayCommand(SimulationOptions options, IReadOnlyList<string> faultTexts)
    {
        var text = new StringBuilder($"harness simulate --strategy {Name(options.Strategy)} --seed {Number(options.Seed)}");
        if (options.Plant is { } plant)
        {
            text.Append(" --plant ").Append(plant);
        }

        foreach (var fault in faultTexts)
        {
            text.Append(" --fault \"").Append(fault).Append('"');
        }

        if (options.KeepFaults is { } kept)
        {
            text.Append(" --keep-faults ").Append(kept.Count == 0 ? "none" : string.Join(',', kept.Select(n => Number(n))));
        }

        if (options.Clients is { } clients)
        {
            text.Append(" --clients ").Append(Number(clients));
        }

        if (options.Operations is { } operations)
        {
            text.Append(" --operations ").Append(Number(operations));
        }

        return text.ToString();
    }

    // Per second of processor time too: on a busy machine only that says what the simulator costs.
    private static void WriteFigures(TextWriter to, SimulationSweep sweep)
    {
        var seconds = Math.Max(1e-6, sweep.Elapsed.TotalSeconds);
        var processor = Math.Max(1e-6, sweep.Processor.TotalSeconds);
        to.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{sweep.Seeds:N0} seeds: {sweep.Events:N0} events, {sweep.SimulatedSeconds:N0} simulated s, "
            + $"{sweep.Operations:N0} operations answered, {sweep.Faults:N0} faults, trace hash {sweep.TraceHash:x16}"));
        to.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{seconds:F1} s: {sweep.Events / seconds:N0} events/s, {sweep.SimulatedSeconds / seconds:N0} simulated s per s, "
            + $"{sweep.Seeds / seconds * 3600:N0} seeds per hour; {processor:F1} s of processor time: "
            + $"{sweep.Events / processor:N0} events/s, {sweep.SimulatedSeconds / processor:N0} simulated s per s and core"));
    }

    private static void WriteViolation(TextWriter to, SimulationResult failing, SimulateOptions options)
    {
        to.WriteLine();
        to.WriteLine($"seed {Number(failing.Options.Seed)} violates: {failing.Violation}");
        to.WriteLine($"cluster: {failing.Description}");
        var smallest = options.ShrinkRuns > 0 ? Simulation.Shrink(failing, options.ShrinkRuns) : failing;
        if (smallest != failing)
        {
            to.WriteLine($"smallest found, {Number(smallest.Faults.Count)} faults, {Number(smallest.Clients)} "
                + $"client processes: {smallest.Violation}");
        }

        foreach (var fault in smallest.Faults)
        {
            to.WriteLine("  fault " + fault.Text);
        }

        var texts = options.FaultTexts;
        to.WriteLine("replay: " + ReplayCommand(smallest.Options, texts));
        to.WriteLine("with --trace for one line per event");
    }

    private static string Name(SimulatedStrategy strategy) =>
        strategy == SimulatedStrategy.Raft ? "raft" : "ecc";

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
