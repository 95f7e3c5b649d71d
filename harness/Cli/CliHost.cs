using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Runtime.InteropServices;
using Testbed.Faults;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Docker;
using Testbed.Injectors;
using Testbed.Results;

namespace Testbed.Harness.Cli;

/// <summary>From arguments to exit code; the one place that decides what a failure looks like.</summary>
internal static class CliHost
{
    private static readonly ParserConfiguration Parsing = new() { EnablePosixBundling = false };

    /// <summary>Runs as a process: real console, signals.</summary>
    public static async Task<int> MainAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        var signals = 0;
        void OnSignal(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (Interlocked.Increment(ref signals) == 1)
            {
                Console.Error.WriteLine("interrupted: ending in an orderly way; once more to end at once");
                _ = Task.Run(stop.Cancel);
                return;
            }

            // No clean-up of our own: processes see the end of their input, and the reaper ends those that
            // cannot. Containers stay.
            Console.Error.WriteLine("ended at once; containers, if there were any, go with: harness cluster prune");
            Environment.Exit(ExitCodes.Interrupted);
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal);
        return await RunAsync(CliContext.OfProcess(args), stop.Token).ConfigureAwait(false);
    }

    /// <summary>Parses and carries out; never throws.</summary>
    public static async Task<int> RunAsync(CliContext context, CancellationToken cancel)
    {
        try
        {
            var root = CommandTree.Create(context);
            var args = context.Argv.Count == 0 ? ["--help"] : context.Argv;
            var parse = root.Parse(args, Parsing);
            if (parse.Errors.Count > 0 && parse.Action is null or ParseErrorAction)
            {
                return Usage(context, UsageErrors.Lines(parse));
            }

            var invocation = new InvocationConfiguration
            {
                Output = context.Out,
                Error = context.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parse.InvokeAsync(invocation, cancel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Explain(context, e, cancel);
        }
    }

    private static int Explain(CliContext context, Exception e, CancellationToken cancel)
    {
        switch (e)
        {
            case UsageException or FaultPlanException:
                return Usage(context, [e.Message]);
            case OperationCanceledException when cancel.IsCancellationRequested:
                context.Error.WriteLine("interrupted");
                return ExitCodes.Interrupted;
            case ClusterStartException:
                context.Error.WriteLine("the cluster did not start: " + e.Message);
                return ExitCodes.Void;
            case NodeControlException or AttachException or EngineException:
                context.Error.WriteLine(e.Message);
                return ExitCodes.Void;
            case ResultsException:
                return Usage(context, [e.Message]);
            default:
                context.Error.WriteLine(
                    $"this is a bug in the harness: {FirstLine(e.Message)}; the trace is in {WriteTrace(context, e)}");
                return ExitCodes.Bug;
        }
    }

    private static int Usage(CliContext context, IReadOnlyList<string> lines)
    {
        foreach (var line in lines)
        {
            context.Error.WriteLine(line);
        }

        return ExitCodes.Usage;
    }

    private static string WriteTrace(CliContext context, Exception e)
    {
        var name = string.Create(
            CultureInfo.InvariantCulture, $"testbed-bug-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}.txt");
        var path = Path.Combine(Path.GetTempPath(), name);
        try
        {
            File.WriteAllText(path, $"harness {string.Join(' ', context.Argv)}\n{e}\n");
            return path;
        }
        catch (Exception io) when (io is IOException or UnauthorizedAccessException)
        {
            return "(could not be written)";
        }
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd('\r');
}
