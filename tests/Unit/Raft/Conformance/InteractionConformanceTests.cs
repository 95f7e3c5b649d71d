using System.Text;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// etcd's interaction files: after each command, every node's role, term, vote, commit index, log and members as far
/// as the file has said them, and what <c>status</c> and <c>compact</c> print. All differences are listed, with
/// their reasons, in <see cref="EtcdDifferences"/>; any other one fails.
/// </summary>
public sealed class InteractionConformanceTests
{
    private const string Part = "testdata";

    public static TheoryData<string> Files => [.. EtcdData.Files(Part)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Nodes_go_through_the_same_states_as_in_etcd_but_for_listed_differences(string file)
    {
        var cases = EtcdData.Cases(Part, file);
        Assert.SkipUnless(EtcdData.IsInstalled, "the listed differences are those to Debian's files");
        Assert.NotEmpty(cases);
        var found = Differences(cases, out var compared);
        Assert.True(compared > 20, $"only {compared} facts compared");
        Assert.True(EtcdDifferences.Of(file) == found, found);
    }

    [Fact]
    public void All_nine_files_are_read_and_no_difference_is_listed_for_another()
    {
        var files = EtcdData.Files(Part).ToList();
        EtcdData.Cases(Part, files[0]);
        Assert.SkipUnless(EtcdData.IsInstalled, "nine files are Debian's number");
        Assert.Equal(9, files.Count);
        Assert.Subset(files.ToHashSet(), EtcdDifferences.Files.ToHashSet());
    }

    /// <summary>One line each: line of the command, node, what differs, etcd's and ours; only where that changes.</summary>
    private static string Differences(IReadOnlyList<DataDrivenCase> cases, out int compared)
    {
        var (etcd, ours) = (new EtcdFacts(), new InteractionInterpreter());
        var (text, last) = (new StringBuilder(), new Dictionary<string, string>(StringComparer.Ordinal));
        compared = 0;
        foreach (var one in cases)
        {
            var line = one.Position[(one.Position.LastIndexOf(':') + 1)..];
            var printed = ours.Run(one);
            etcd.Read(one);
            if (one.Command is "status" or "compact" or "raft-log" or "propose"
                && !one.Expected.StartsWith("ok", StringComparison.Ordinal))
            {
                compared++;
                Compare("output", Comparable(one.Expected), Comparable(printed));
            }

            for (var node = 1; node <= ours.Facts.Count; node++)
            {
                foreach (var (expected, actual) in (etcd.Of(node) ?? new NodeFacts()).All.Zip(ours.Facts[node - 1].All))
                {
                    if (expected.Value is not null)
                    {
                        compared++;
                        Compare($"{node} {expected.Name}", expected.Value, actual.Value!);
                    }
                }
            }

            void Compare(string what, string expected, string actual)
            {
                var (left, right) = (Parts(expected), Parts(actual));
                for (var part = 0; part < int.Max(left.Length, right.Length); part++)
                {
                    var (l, r) = (left.ElementAtOrDefault(part) ?? "", right.ElementAtOrDefault(part) ?? "");
                    var difference = l == r ? "" : $"etcd <{l}> ours <{r}>";
                    if (difference != last.GetValueOrDefault($"{what} {part}", ""))
                    {
                        text.Append($"{line} {what}: {(difference.Length > 0 ? difference : "same again")}\n");
                    }

                    last[$"{what} {part}"] = difference;
                }
            }
        }

        return text.ToString();
    }

    /// <summary>Entries of a log, lines of an output.</summary>
    private static string[] Parts(string value) => value.Split([", ", " / "], StringSplitOptions.None);

    /// <summary>
    /// Who was heard lately we keep as times and not in the progress; a line end matters to nobody.
    /// </summary>
    private static string Comparable(string output) =>
        string.Join(" / ", output.Trim().Split('\n').Select(l => l.Replace(" inactive", "", StringComparison.Ordinal)));
}
