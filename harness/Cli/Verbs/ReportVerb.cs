using System.CommandLine;
using Testbed.Reports;
using Testbed.Results;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>report</c>: makes the report of a finished run again.</summary>
internal static class ReportVerb
{
    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var folder = new Argument<string>("run") { HelpName = "FOLDER", Description = "The run's folder." };
        return new Verb(
            "report", "Makes the page and the pictures of a run again, from its folder alone.",
            "harness report results/runs/latest").With(folder).Does((parse, _) =>
        {
            var run = RunFolder.Open(Path.GetFullPath(parse.GetRequiredValue(folder), context.Folder));
            foreach (var file in RunReport.Write(run.FullPath))
            {
                context.Out.WriteLine(file);
            }

            return Task.FromResult(ExitCodes.Ok);
        });
    }
}
