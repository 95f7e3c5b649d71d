using Testbed.Harness.Clusters;
using Testbed.Injectors;
using Testbed.Tests.Unit.Results;

namespace Testbed.Tests.Unit.Clusters;

/// <summary>What is removed of nodes' data, and what never is.</summary>
public sealed class DataFoldersTests
{
    [Fact]
    public void A_node_that_is_replaced_keeps_nothing_and_its_neighbours_everything()
    {
        using var folder = new TemporaryFolder();
        DataFolders.Make(folder.FullPath);
        Fill(folder, "n1");
        var data = Fill(folder, "n2");
        DataFolders.RemoveNode(folder.FullPath, "n2");
        Assert.False(Directory.Exists(data));
        Assert.True(File.Exists(Path.Combine(folder.FullPath, "n1", "log")));
        DataFolders.RemoveNode(folder.FullPath, "n2");
    }

    [Fact]
    public void Data_in_a_folder_that_is_no_clusters_own_stay_and_whoever_wants_them_gone_is_told()
    {
        using var folder = new TemporaryFolder();
        var data = Fill(folder, "n2");
        Assert.Throws<NodeControlException>(() => DataFolders.RemoveNode(folder.FullPath, "n2"));
        Assert.True(File.Exists(Path.Combine(data, "log")));
    }

    private static string Fill(TemporaryFolder folder, string node)
    {
        var data = Directory.CreateDirectory(Path.Combine(folder.FullPath, node)).FullName;
        File.WriteAllText(Path.Combine(data, "log"), "what it knows");
        return data;
    }
}
