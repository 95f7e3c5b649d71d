using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Testbed.Checker;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>check</c>: is a history linearizable?</summary>
internal static class CheckVerb
{
    private const int MaxShown = 4;
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var path = new Argument<string>("history")
        {
            HelpName = "FOLDER|FILE",
            Description = "A run folder, or a history of any system as JSON lines, also compressed with gzip.",
        };
        var model = Values.Word(
            "--model", "cas-register", "What the operations mean: reads and writes; with compare-and-set; or get, put and"
            + " append of texts.", "register", "cas-register", "kv");
        var initial = Values.Text(
            "--initial", "VALUE", "What every key began with. [default: what the file's first line says, else absent]");
        var json = Values.Flag("--json", "Prints the verdict as JSON.");
        var timeline = Values.Text(
            "--timeline", "FILE.html", "Draws the counterexamples in time, as a page to open in a browser.");
        return new Verb(
            "check",
            "Checks a history for linearizability; exit code 0 valid, 2 invalid, 3 undecided.",
            "harness check results/runs/latest", "harness check history.jsonl --model kv --json",
            "harness check history.jsonl --timeline counterexamples.html")
            .With(path).With(model, initial, timeline, json).Does((parse, _) =>
            {
                var reading = new HistoryReading
                {
                    Model = parse.GetValue(model) switch
                    {
                        "register" => HistoryModel.Register,
                        "kv" => HistoryModel.Kv,
                        _ => HistoryModel.CasRegister,
                    },
                    Initial = parse.GetValue(initial),
                };
                var check = Run(Path.GetFullPath(parse.GetRequiredValue(path), context.Folder), reading);
                if (parse.GetValue(timeline) is { } page)
                {
                    Draw(check, parse.GetRequiredValue(path), Path.GetFullPath(page, context.Folder));
                }

                if (parse.GetValue(json))
                {
                    context.Out.WriteLine(JsonSerializer.Serialize(check.ToFile(), Json));
                }
                else
                {
                    Write(context, check);
                }

                return Task.FromResult(check.Verdict switch
                {
                    "valid" => ExitCodes.Ok,
                    "invalid" => ExitCodes.Invalid,
                    _ => ExitCodes.Undecided,
                });
            });
    }

    private static HistoryCheck Run(string path, HistoryReading reading)
    {
        var isRun = Directory.Exists(path) || Path.GetFileName(path) == RunFolder.LatestName;
        if (!isRun)
        {
            return HistoryCheck.RunFile(path, reading: reading);
        }

        var folder = RunFolder.Open(path);
        // Corrupt reads are not part of a history: their value has no identity. The run counted them.
        return HistoryCheck.Run(folder, folder.ReadSummary()?.Check.CorruptReads ?? 0);
    }

    private static void Draw(HistoryCheck check, string title, string page)
    {
        try
        {
            CounterexampleReport.Write(title, check.Verdict, check.Counterexamples, page);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--timeline: cannot write {page}: {e.Message}");
        }
    }

    private static void Write(CliContext context, HistoryCheck check)
    {
        var counts = check.Result.Counts;
        context.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{check.Verdict}: {counts.Operations:N0} operations on {counts.Keys:N0} keys, "
            + $"{counts.AcknowledgedWrites:N0} acknowledged writes, {counts.IndefiniteWrites:N0} indefinite "
            + $"({counts.IndefiniteSeen:N0} of them seen), checked in {check.Seconds:F2} s"));
        if (check.Verdict == "invalid")
        {
            context.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{counts.InvalidKeys:N0} keys invalid, {counts.Violations:N0} violations: {counts.LostWrites:N0} lost writes, "
                + $"{counts.StaleReads:N0} stale reads, {check.CorruptReads:N0} corrupt reads"));
        }

        // Of each offending key the smallest counterexample; --json has them all.
        var smallest = check.Result.Violations.GroupBy(v => v.Key).Select(key => key.MinBy(v => v.Operations.Count)!);
        foreach (var violation in smallest.Take(MaxShown))
        {
            context.Out.WriteLine();
            context.Out.WriteLine(violation.Explanation);
        }

        if (counts.InvalidKeys > MaxShown)
        {
            context.Out.WriteLine();
            context.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"and {counts.InvalidKeys - MaxShown:N0} more keys; --json lists them"));
        }

        if (counts.UnknownKeys > 0)
        {
            context.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{counts.UnknownKeys:N0} keys undecided: their values are not unique, and the search reached its limit"));
        }

        if (check.Truncated)
        {
            context.Error.WriteLine("the history ends in the middle of an operation; what came before was checked");
        }
    }
}
