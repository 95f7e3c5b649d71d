extern alias node;

using node::Testbed.Node.Disk;
using Testbed.Log;
using Testbed.Tests.Unit.Log;

namespace Testbed.Tests.Unit.Node;

/// <summary>The log's folder on the real disk.</summary>
public sealed class DiskLogDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testbed-unit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Segments_roll_are_released_and_their_files_are_used_again()
    {
        var options = new LogOptions { SegmentBytes = 4096, PrefillBytes = 2048, SpareSegments = 1 };
        var expected = new List<string>();
        using (var directory = new DiskLogDirectory(_folder))
        using (var log = WriteAheadLog.Open(directory, options, LogTests.Ignore))
        {
            for (var i = 0; i < 20; i++)
            {
                LogTests.Append(log, expected, 1, 1200);
                log.Release((ulong)Math.Max(0, i - 4));
            }

            Assert.Equal(["0000000005.spare", "0000000006.wal", "0000000007.wal"], directory.List());
        }

        using var again = new DiskLogDirectory(_folder);
        Assert.Equal(expected.Skip(15), LogTests.Read(again));
    }

    [Fact]
    public void A_log_put_aside_is_kept_and_known_of_in_every_later_life()
    {
        File.WriteAllText(Path.Combine(_folder, "0000000001.wal"), "damaged");
        using (var directory = new DiskLogDirectory(_folder))
        {
            Assert.False(directory.HasPutAside);
            Assert.Equal(Path.Combine(_folder, "damaged-1"), directory.PutAside());
            Assert.True(directory.HasPutAside);
            Assert.Empty(directory.List());
            File.WriteAllText(Path.Combine(_folder, "0000000001.wal"), "damaged again");
            Assert.Equal(Path.Combine(_folder, "damaged-2"), directory.PutAside());
            Directory.Delete(Path.Combine(_folder, "damaged-1"), recursive: true);
            File.WriteAllText(Path.Combine(_folder, "0000000001.wal"), "damaged");
            Assert.Equal(Path.Combine(_folder, "damaged-1"), directory.PutAside());
        }

        using var later = new DiskLogDirectory(_folder);
        Assert.True(later.HasPutAside);
        Assert.Equal("damaged", File.ReadAllText(Path.Combine(_folder, "damaged-1", "0000000001.wal")));
        Assert.Equal("damaged again", File.ReadAllText(Path.Combine(_folder, "damaged-2", "0000000001.wal")));
    }

    [Fact]
    public void A_move_that_was_cut_short_is_ended_before_anybody_sees_the_rest_of_the_files()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "damaged-1.part"));
        File.WriteAllText(Path.Combine(_folder, "damaged-1.part", "0000000001.wal"), "moved");
        File.WriteAllText(Path.Combine(_folder, "0000000002.wal"), "not yet");
        using var directory = new DiskLogDirectory(_folder);
        Assert.Empty(directory.List());
        Assert.True(directory.HasPutAside);
        Assert.Equal(["0000000001.wal", "0000000002.wal"],
            Directory.EnumerateFiles(Path.Combine(_folder, "damaged-1")).Select(Path.GetFileName).Order());
    }
}
