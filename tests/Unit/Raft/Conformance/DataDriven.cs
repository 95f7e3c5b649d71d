using System.Text;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>A case whose output is not what its file expects.</summary>
internal sealed record DataDrivenDifference(DataDrivenCase Case, string Actual)
{
    public override string ToString() =>
        $"{Case.Position}: {Case.Command}\n{Case.Input}\nexpected:\n{Case.Expected}\nfound:\n{Actual}";
}

/// <summary>Runs data-driven files through an interpreter of their commands.</summary>
internal static class DataDriven
{
    /// <summary>
    /// Fails with the first difference: in files whose cases build on each other the later ones would only
    /// repeat it.
    /// </summary>
    public static void Run(IReadOnlyList<DataDrivenCase> cases, Func<DataDrivenCase, string> interpret)
    {
        var difference = Differences(cases, interpret).FirstOrDefault();
        Assert.True(difference is null, difference?.ToString());
    }

    /// <summary>
    /// Every difference, as they appear. Output is compared byte for byte; a last line without line feed
    /// gets one, as in the files.
    /// </summary>
    public static IEnumerable<DataDrivenDifference> Differences(
        IReadOnlyList<DataDrivenCase> cases, Func<DataDrivenCase, string> interpret)
    {
        foreach (var one in cases)
        {
            var actual = Interpret(one, interpret);
            actual += actual.Length == 0 || actual.EndsWith('\n') ? "" : "\n";
            if (!Encoding.UTF8.GetBytes(actual).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(one.Expected)))
            {
                yield return new DataDrivenDifference(one, actual);
            }
        }
    }

    private static string Interpret(DataDrivenCase one, Func<DataDrivenCase, string> interpret)
    {
        try
        {
            return interpret(one);
        }
        catch (Exception found) when (found is not DataDrivenException)
        {
            throw new DataDrivenException($"{one.Position}: {one.Command}: {found.Message}", found);
        }
    }
}
