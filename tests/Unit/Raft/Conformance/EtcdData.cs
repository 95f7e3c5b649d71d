namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Where the data-driven files of etcd's Raft are: Debian's golang-etcd-server-dev installs them; another
/// copy, of a newer release for example, is named by TESTBED_ETCD_TESTDATA. They are read where they are.
/// </summary>
internal static class EtcdData
{
    public const string Variable = "TESTBED_ETCD_TESTDATA";
    public const string Installed = "/usr/share/gocode/src/go.etcd.io/etcd/raft";

    /// <summary>Stands for the files of a folder that is not there.</summary>
    private const string Absent = "(absent)";

    public static string Root => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
        ? named
        : Installed;

    /// <summary>True when what is read is the package as Debian ships it.</summary>
    public static bool IsInstalled => Root == Installed;

    /// <summary>
    /// Files of a part such as quorum/testdata by name; one that stands for all when absent.
    /// </summary>
    public static IEnumerable<string> Files(string part)
    {
        var folder = Path.Combine(Root, part);
        var names = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).Where(IsTest)
            : [];
        return names.Order(StringComparer.Ordinal).DefaultIfEmpty(Absent);
    }

    /// <summary>
    /// The cases of a file. Absent files skip the test, and fail it where CI is to have them.
    /// </summary>
    public static IReadOnlyList<DataDrivenCase> Cases(string part, string file)
    {
        var why = $"no files in {Path.Combine(Root, part)} "
            + $"(Debian: golang-etcd-server-dev, elsewhere: {Variable} names the folder)";
        if (file == Absent && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail(why);
        }

        Assert.SkipWhen(file == Absent, why);
        return DataDrivenReader.ReadFile(Path.Combine(Root, part, file));
    }

    /// <summary>Hidden files and the remains of editors are no tests.</summary>
    private static bool IsTest(string name) =>
        !name.StartsWith('.') && !name.EndsWith('~') && !(name.StartsWith('#') && name.EndsWith('#'));
}
