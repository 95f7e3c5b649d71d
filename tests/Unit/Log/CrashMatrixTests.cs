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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_last_segment_cut_at_every_byte_gives_the_groups_before_the_cut(bool usedFiles)
    {
        var (files, ends, expected) = Written(usedFiles);
        var last = files.Keys.Last();
        for (var length = 0; length < files[last].Length; length++)
        {
            var disk = Disk(files);
            disk.SetContent(last, files[last].AsSpan(0, length));
            var whole = ends.FindLast(end => end.File != last || end.Offset <= length);
            Assert.Equal(expected.Take(whole.Records), LogTests.Read(disk));
            CanGoOn(disk, whole.Records);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_bit_flipped_in_the_last_segment_gives_a_prefix_or_a_refusal_that_names_the_file(
        bool usedFiles)
    {
        var (files, ends, expected) = Written(usedFiles);
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
                // written. Behind it nothing counts.
                var whole = bit / 8 < ends[^1].Offset ? ends[^2] : ends[^1];
                Assert.Equal(expected.Take(whole.Records), LogTests.Read(disk));
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bit_flipped_in_an_earlier_segment_is_refused(bool usedFiles)
    {
        var (files, ends, _) = Written(usedFiles);
        var first = files.Keys.First(name => SegmentFormat.TryNumber(name, out _));
        var end = ends.FindLast(end => end.File == first).Offset;
        for (var bit = 0; bit < end * 8; bit += 7)
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

    private static void CanGoOn(MemoryLogDirectory disk, int records)
    {
        using (var log = WriteAheadLog.Open(disk, Small, LogTests.Ignore))
        {
            log.Write(LogTests.Group(1, 5));
            log.Sync();
        }

        Assert.Equal(records + 1, LogTests.Read(disk).Count);
    }

    // Groups of 1, 2, 3, 1, 2, 3, ... records: where each of those left ends, and how many records there are by
    // then.
    private static (SortedDictionary<string, byte[]> Files, List<(string File, int Offset, int Records)> Ends,
        List<string> Expected)
        Written(bool usedFiles)
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        var ends = new List<(string File, int Offset, int Records)>();
        var options = Small with { SpareSegments = usedFiles ? 2 : 0, PrefillBytes = usedFiles ? 4096 : 0 };
        using (var log = WriteAheadLog.Open(disk, options, LogTests.Ignore))
        {
            var warmUp = usedFiles ? 36 : 0;
            for (var i = 0; i < warmUp; i++)
            {
                LogTests.Append(log, expected, 2, 600);
                log.Release(log.LastSequence);
            }

            var bytesBefore = log.Bytes;
            var file = disk.List()[^1];
            var position = (int)bytesBefore;
            for (var i = 0; i < 12; i++)
            {
                LogTests.Append(log, expected, 1 + (i % 3), i < 8 ? 300 : 20 + i);
                position = file == disk.List()[^1] ? position : 0;
                file = disk.List()[^1];
                position += (int)(log.Bytes - bytesBefore);
                bytesBefore = log.Bytes;
                ends.Add((file, position, expected.Count));
            }
        }

        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in disk.List())
        {
            files.Add(name, disk.Content(name));
        }

        Assert.True(files.Count >= 2 && ends[^3].File == disk.List()[^1]);
        var released = expected.Count - LogTests.Read(disk).Count;
        Assert.Equal(usedFiles, released > 0);
        expected.RemoveRange(0, released);
        return (files, [.. ends.Select(end => (end.File, end.Offset, end.Records - released))], expected);
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
