namespace Testbed.Harness.Cli.Views;

/// <summary>The end of a run on standard output, the same in every view.</summary>
internal static class SummaryText
{
    /// <summary>Writes the summary and where the run folder is.</summary>
    public static void Write(TextWriter output, string summary, string? path)
    {
        output.WriteLine(summary.TrimEnd('\n', '\r'));
        if (path is not null)
        {
            output.WriteLine();
            output.WriteLine(path);
        }

        output.Flush();
    }
}
