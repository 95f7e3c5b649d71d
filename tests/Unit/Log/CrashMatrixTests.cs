using CsCheck;
using Testbed.Log;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Log;

/// <summary>
/// Whatever happens to the last bytes of a log: it opens with a prefix that holds all that was promised, or
/// not at all.
/// </summary>
public sealed class CrashMatrixTests
{
    private static readonly LogOptions Small = new() { SegmentBytes = 4096 };

    [Fact]
    public void The_last_segment_cut_at_every_byte_gives_the_groups_before_the_cut()
    {
        var (files, ends, expected) = Written(groups: 12);
        var last = files.Keys.Last();
        var before = ends.Count(end => end.File != last);
        for (var length = 0; length < files[last].Length; length++)
        {
            var disk = Disk(files);
            disk.SetContent(last, files[last].AsSpan(0, length));
            var whole = before + ends.Count(end => end.File == last && end.Offset <= length);
            Assert.Equal(expected.Take(RecordsOf(whole)), LogTests.Read(disk));
            CanGoOn(disk, whole);
        }
    }

    [Fact]
    public void Every_bit_flipped_in_the_last_segment_gives_a_prefix_or_a_refusal_that_names_the_file()
    {
        var (files, ends, expected) = Written(groups: 12);
        var last = files.Keys.Last();
        var refusals = 0;
        var recoveries = 0;
        for (var bit = 0; bit < files[last].Length * 8; bit++)
        {
            var bytes = files[last].ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var disk = Disk(files);
            disk.SetContent(last, bytes);
            try
            {
                // Only the last group may go: anything before it was known to be durable when the last was
                // written.
                Assert.Equal(expected.Take(RecordsOf(11)), LogTests.Read(disk));
                Assert.True(bit / 8 >= ends[^2].Offset, "a group before the last was dropped");
                recoveries++;
            }
            catch (LogCorruptException refused)
            {
                Assert.Equal(last, refused.File);
                Assert.True(bit / 8 < ends[^2].Offset, "the last group is not provably durable");
                refusals++;
            }
        }

        Assert.True(refusals > 0 && recoveries > 0);
    }

    [Fact]
    public void A_bit_flipped_in_an_earlier_segment_is_refused()
    {
        var (files, _, _) = Written(groups: 12);
        var first = files.Keys.First();
        for (var bit = 0; bit < files[first].Length * 8; bit += 7)
        {
            var disk = Disk(files);
            var bytes = files[first].ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            disk.SetContent(first, bytes);
            Assert.Throws<LogCorruptException>(() => LogTests.Read(disk));
        }
    }

    [Fact]
    public void After_a_crash_at_any_point_all_that_was_synced_is_there_and_no_group_is_torn()
    {
        Gen.Select(Gen.Int[0, 500].Array[1, 25], Gen.Bool.Array[25], Gen.ULong, Gen.Int[0, 100])
            .Sample((sizes, syncs, seed, keepPercent) =>
            {
                var random = new SplitMix64(seed);
                var disk = new MemoryLogDirectory();
                var expected = new List<string>();
                var ends = new List<int> { 0 };
                for (var life = 0; life < 3; life++)
                {
                    var synced = WriteUntilCrash(disk, sizes, syncs, expected, ends);
                    disk.Crash(() => random.Below(100) < keepPercent);
                    var found = LogTests.Read(disk);
                    Assert.InRange(found.Count, synced, expected.Count);
                    Assert.Contains(found.Count, ends);
                    Assert.Equal(expected.Take(found.Count), found);
                    expected.RemoveRange(found.Count, expected.Count - found.Count);
                    ends.RemoveAll(end => end > found.Count);
                }
            }, iter: 300, threads: 1);
    }

    [Fact]
    public void A_killed_process_loses_nothing_that_was_written()
    {
        var disk = new MemoryLogDirectory();
        var options = Small with { WriteIsDurable = true };
        var log = WriteAheadLog.Open(disk, options, LogTests.Ignore);
        for (var i = 0; i < 20; i++)
        {
            log.Write(LogTests.Group(2, 300));
        }

        disk.Kill();
        Assert.Throws<ObjectDisposedException>(() => log.Write(LogTests.Group(1, 1)));
        Assert.Equal(40, LogTests.Read(disk).Count);
    }

    [Fact]
    public void Where_a_write_is_durable_a_damaged_group_before_the_last_is_refused_without_any_sync()
    {
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, Small with { WriteIsDurable = true }, LogTests.Ignore))
        {
            log.Write(LogTests.Group(1, 100));
            log.Write(LogTests.Group(1, 100));
        }

        var bytes = disk.Content("0000000001.wal");
        bytes[64 + 60] ^= 1;
        disk.SetContent("0000000001.wal", bytes);
        Assert.Throws<LogCorruptException>(() => LogTests.Read(disk));
    }

    [Fact]
    public void Of_two_groups_under_one_sync_the_second_may_arrive_alone_and_both_are_cut()
    {
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, Small, LogTests.Ignore))
        {
            log.Write(LogTests.Group(1, 100));
            log.Sync();
            log.Write(LogTests.Group(1, 200));
            log.Write(LogTests.Group(1, 300));
        }

        var bytes = disk.Content("0000000001.wal");
        bytes[64 + 40 + 8 + 104 + 60] ^= 1;
        disk.SetContent("0000000001.wal", bytes);
        Assert.Single(LogTests.Read(disk));
    }

    [Fact]
    public void A_crash_while_the_log_is_being_opened_leaves_a_log_that_opens()
    {
        foreach (var keep in new[] { true, false })
        {
            var disk = new MemoryLogDirectory { FailSyncs = true };
            Assert.Throws<IOException>(() => WriteAheadLog.Open(disk, Small, LogTests.Ignore));
            disk.FailSyncs = false;
            disk.Crash(() => keep);
            Assert.Empty(LogTests.Read(disk));
        }
    }

    private static int WriteUntilCrash(MemoryLogDirectory disk, int[] sizes, bool[] syncs,
        List<string> expected, List<int> ends)
    {
        var log = WriteAheadLog.Open(disk, Small, LogTests.Ignore);
        var synced = expected.Count;
        for (var i = 0; i < sizes.Length; i++)
        {
            var group = new LogGroup();
            for (var record = 0; record <= i % 3; record++)
            {
                var text = $"{expected.Count}".PadRight(sizes[i], '.');
                group.Add(1, System.Text.Encoding.UTF8.GetBytes(text), []);
                expected.Add("1:" + text);
            }

            log.Write(group);
            ends.Add(expected.Count);
            if (syncs[i])
            {
                log.Sync();
                synced = expected.Count;
            }
        }

        return synced;
    }

    private static void CanGoOn(MemoryLogDirectory disk, int wholeGroups)
    {
        using (var log = WriteAheadLog.Open(disk, Small, LogTests.Ignore))
        {
            log.Write(LogTests.Group(1, 5));
            log.Sync();
        }

        Assert.Equal(RecordsOf(wholeGroups) + 1, LogTests.Read(disk).Count);
    }

    // Groups of 1, 2, 3, 1, 2, 3, ... records.
    private static int RecordsOf(int groups) => (groups / 3 * 6) + new[] { 0, 1, 3 }[groups % 3];

    private static (SortedDictionary<string, byte[]> Files, List<(string File, int Offset)> Ends,
        List<string> Expected)
        Written(int groups)
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        var ends = new List<(string, int)>();
        using (var log = WriteAheadLog.Open(disk, Small, LogTests.Ignore))
        {
            for (var i = 0; i < groups; i++)
            {
                LogTests.Append(log, expected, 1 + (i % 3), i < 8 ? 300 : 20 + i);
                var file = disk.List()[^1];
                ends.Add((file, disk.Content(file).Length));
            }
        }

        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in disk.List())
        {
            files.Add(name, disk.Content(name));
        }

        Assert.True(files.Count >= 2 && ends[^3].Item1 == disk.List()[^1]);
        return (files, ends, expected);
    }

    private static MemoryLogDirectory Disk(SortedDictionary<string, byte[]> files)
    {
        var disk = new MemoryLogDirectory();
        foreach (var (name, bytes) in files)
        {
            disk.SetContent(name, bytes);
        }

        return disk;
    }
}
