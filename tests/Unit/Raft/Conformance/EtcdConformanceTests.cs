namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// etcd's own data-driven files, byte for byte: quorums and configuration changes decide as etcd's do.
/// </summary>
public sealed class EtcdConformanceTests
{
    private const string Quorum = "quorum/testdata";
    private const string Changes = "confchange/testdata";

    public static TheoryData<string> QuorumFiles => [.. EtcdData.Files(Quorum)];

    public static TheoryData<string> ChangeFiles => [.. EtcdData.Files(Changes)];

    [Theory]
    [MemberData(nameof(QuorumFiles))]
    public void Quorums_commit_and_vote_as_in_etcd(string file)
    {
        var cases = EtcdData.Cases(Quorum, file);
        Assert.NotEmpty(cases);
        DataDriven.Run(cases, QuorumInterpreter.Run);
    }

    [Theory]
    [MemberData(nameof(ChangeFiles))]
    public void Configurations_change_as_in_etcd(string file)
    {
        var cases = EtcdData.Cases(Changes, file);
        Assert.NotEmpty(cases);
        DataDriven.Run(cases, new ConfigurationInterpreter(cases).Run);
    }

    [Fact]
    public void All_127_cases_of_quorums_and_all_58_of_changes_are_read()
    {
        int Count(string part) => EtcdData.Files(part).Sum(file => EtcdData.Cases(part, file).Count);
        var counts = (Count(Quorum), Count(Changes));
        Assert.SkipUnless(
            EtcdData.IsInstalled, $"{EtcdData.Root} holds {counts}: these numbers are Debian's");
        Assert.Equal((127, 58), counts);
    }
}
