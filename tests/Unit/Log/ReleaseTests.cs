using Testbed.Log;

namespace Testbed.Tests.Unit.Log;

/// <summary>Segments that are given up, and files that are used again.</summary>
public sealed class ReleaseTests
{
    private static readonly LogOptions Small = new() { SegmentBytes = 4096 };
    private static readonly LogOptions Recycling = Small with { SpareSegments = 2 };

    [Fact]
    public void Whole_segments_go_oldest_first_and_recovery_begins_with_the_first_that_is_left()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        using (var log = Filled(disk, Small, expected, groups: 12))
        {
            // Three groups of 1,200 bytes fit into a segment: the second ends with record 6.
            log.Release(8);
            Assert.Equal(["0000000003.wal", "0000000004.wal"], disk.List());
            Assert.Equal(disk.List().Sum(name => (long)disk.Content(name).Length), log.Bytes);
        }

        Assert.Equal(expected.Skip(6), LogTests.Read(disk));
        using var again = WriteAheadLog.Open(disk, Small, LogTests.Ignore);
        Assert.Equal((7UL, 12UL), (again.FirstSequence, again.LastSequence));
        LogTests.Append(again, expected, 1, 1200);
        Assert.Equal(13UL, again.LastSequence);
        Assert.Equal(expected.Skip(6), LogTests.Read(disk));
    }

    [Fact]
    public void The_segment_that_is_written_is_never_given_up()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        using var log = Filled(disk, Small, expected, groups: 12);
        log.Release(ulong.MaxValue);
        Assert.Equal(["0000000004.wal"], disk.List());
        Assert.Equal(expected.Skip(9), LogTests.Read(disk));
    }

    [Fact]
    public void Nothing_is_given_up_before_everything_written_is_durable()
    {
        var disk = new MemoryLogDirectory();
        using var log = Filled(disk, Small, [], groups: 12);
        log.Write(LogTests.Group(1, 10));
        Assert.Throws<InvalidOperationException>(() => log.Release(8));
        Assert.Equal(4, disk.List().Count);
        log.Sync();
        log.Release(8);
        Assert.Equal(2, disk.List().Count);
    }

    [Fact]
    public void After_a_failed_release_the_log_refuses_everything()
    {
        var disk = new MemoryLogDirectory();
        using var log = Filled(disk, Small, [], groups: 12);
        disk.FailSyncs = true;
        Assert.Throws<IOException>(() => log.Release(8));
        disk.FailSyncs = false;
        Assert.Throws<InvalidOperationException>(() => log.Release(8));
        Assert.Throws<InvalidOperationException>(() => log.Write(LogTests.Group(1, 10)));
    }

    [Fact]
    public void Files_of_released_segments_are_used_again_and_no_block_is_made_anew()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        var options = Recycling with { PrefillBytes = 4096 };
        using var log = Filled(disk, options, expected, groups: 9);
        for (var i = 0; i < 60; i++)
        {
            log.Release((ulong)expected.Count - 2);
            disk.CapacityBytes = disk.List().Sum(name => (long)disk.Content(name).Length);
            LogTests.Append(log, expected, 1, 1200);
        }

        Assert.Equal(3, disk.List().Count);
        Assert.All(disk.List(), name => Assert.Equal(4096, disk.Content(name).Length));
        var found = LogTests.Read(disk);
        Assert.InRange(found.Count, 2, 5);
        Assert.Equal(expected.TakeLast(found.Count), found);
    }

    [Fact]
    public void Only_so_many_files_wait_for_their_next_use_and_none_that_a_large_group_made_longer()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        using (var log = Filled(disk, Recycling, expected, groups: 1))
        {
            LogTests.Append(log, expected, 1, 20_000);
            for (var i = 0; i < 12; i++)
            {
                LogTests.Append(log, expected, 1, 1200);
            }

            log.Release(ulong.MaxValue);
            Assert.Equal(["0000000001.spare", "0000000003.spare", "0000000006.wal"], disk.List());
        }

        using var fewer = WriteAheadLog.Open(disk, Recycling with { SpareSegments = 1 }, LogTests.Ignore);
        Assert.Equal(["0000000001.spare", "0000000006.wal"], disk.List());
    }

    [Fact]
    public void A_segment_missing_in_the_middle_and_a_log_without_any_are_refused()
    {
        var disk = new MemoryLogDirectory();
        using (var log = Filled(disk, Recycling, [], groups: 15))
        {
            log.Release(4);
        }

        disk.Delete("0000000003.wal");
        var refused = Assert.Throws<LogCorruptException>(() => LogTests.Read(disk));
        Assert.Equal("log file 0000000003.wal is corrupt at byte 0: the segment is missing", refused.Message);
        foreach (var name in new[] { "0000000002.wal", "0000000004.wal", "0000000005.wal" })
        {
            disk.Delete(name);
        }

        refused = Assert.Throws<LogCorruptException>(() => LogTests.Read(disk));
        Assert.Equal("0000000001.spare", refused.File);
    }

    [Fact]
    public void A_value_that_looks_like_a_group_of_later_records_proves_nothing_in_a_file_used_again()
    {
        // Bytes of a real group whose sequence and claim of durability lie ahead of the log's.
        var other = new MemoryLogDirectory();
        using (var ahead = WriteAheadLog.Open(other, Small with { SegmentBytes = 1 << 20 }, LogTests.Ignore))
        {
            ahead.Write(LogTests.Group(10_000, 1));
            ahead.Sync();
            ahead.Write(LogTests.Group(1, 100));
        }

        var forged = other.Content("0000000001.wal")[(64 + 40 + (10_000 * 16))..];
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, Recycling, LogTests.Ignore))
        {
            for (var i = 0; i < 30; i++)
            {
                var group = new LogGroup();
                group.Add(1, forged, new byte[1000]);
                log.Write(group);
                log.Sync();
                log.Release(log.LastSequence);
            }

            log.Write(LogTests.Group(1, 1000));
        }

        var current = disk.List()[^1];
        var end = disk.Content(current).AsSpan().LastIndexOf(forged);
        Assert.True(end > 2000, "the last segment's file holds no such value behind its last group");
        Assert.Equal("1:" + new string('x', 1000), LogTests.Read(disk)[^1]);
    }

    private static WriteAheadLog Filled(
        MemoryLogDirectory disk, LogOptions options, List<string> expected, int groups)
    {
        var log = WriteAheadLog.Open(disk, options, LogTests.Ignore);
        for (var i = 0; i < groups; i++)
        {
            LogTests.Append(log, expected, 1, 1200);
        }

        return log;
    }
}
