using System.Globalization;
using System.Text;
using Testbed.Log;

namespace Testbed.Tests.Unit.Log;

public sealed class LogTests
{
    private static readonly LogOptions Small = new() { SegmentBytes = 4096 };

    [Fact]
    public void Records_come_back_in_order_with_type_head_and_body()
    {
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, (_, _) => Assert.Fail("a new log is empty")))
        {
            var group = new LogGroup();
            group.Add(3, "head-"u8, "body"u8);
            group.Add(255, [], []);
            log.Write(group);
            group.Clear();
            group.Add(0, "alone"u8, []);
            log.Write(group);
            log.Sync();
            Assert.Equal(3UL, log.LastSequence);
        }

        Assert.Equal(["3:head-body", "255:", "0:alone"], Read(disk));
    }

    [Fact]
    public void Two_groups_are_filled_while_neither_is_written_and_chain_in_the_order_of_writing()
    {
        var disk = new MemoryLogDirectory();
        var first = new LogGroup();
        var second = new LogGroup();
        second.Add(1, "b"u8, []);
        first.Add(1, "a"u8, []);
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        log.Write(first);
        log.Write(second);
        Assert.Equal(["1:a", "1:b"], Read(disk));
    }

    [Fact]
    public void An_empty_group_writes_nothing()
    {
        var disk = new MemoryLogDirectory();
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        var writes = disk.Writes;
        var bytes = log.Bytes;
        log.Write(new LogGroup());
        Assert.Equal((writes, bytes), (disk.Writes, log.Bytes));
    }

    [Fact]
    public void A_group_costs_one_write_and_a_sync_one_sync()
    {
        var disk = new MemoryLogDirectory();
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        var (writes, syncs) = (disk.Writes, disk.Syncs);
        log.Write(Group(5, 100));
        log.Sync();
        Assert.Equal((writes + 1, syncs + 1), (disk.Writes, disk.Syncs));
    }

    [Fact]
    public void Segments_roll_and_are_read_back_as_one_log()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        for (var life = 0; life < 3; life++)
        {
            using var log = WriteAheadLog.Open(disk, Small, Ignore);
            for (var i = 0; i < 40; i++)
            {
                Append(log, expected, records: 1 + (i % 4), payloadBytes: i * 17);
            }
        }

        Assert.True(disk.List().Count > 5);
        Assert.Equal(expected, Read(disk));
    }

    [Fact]
    public void A_group_larger_than_a_segment_has_its_own()
    {
        var disk = new MemoryLogDirectory();
        var expected = new List<string>();
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        Append(log, expected, 1, 10);
        Append(log, expected, 1, 100_000);
        Append(log, expected, 1, 10);
        Assert.Equal(3, disk.List().Count);
        Assert.Equal(expected, Read(disk));
    }

    [Fact]
    public void Bytes_count_all_segments()
    {
        var disk = new MemoryLogDirectory();
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        for (var i = 0; i < 100; i++)
        {
            log.Write(Group(1, 100));
        }

        Assert.Equal(disk.List().Sum(name => (long)disk.Content(name).Length), log.Bytes);
        log.Dispose();
        using var again = WriteAheadLog.Open(disk, Small, Ignore);
        Assert.Equal(log.Bytes, again.Bytes);
    }

    [Fact]
    public void Zeros_written_ahead_are_not_records_and_the_log_goes_on_before_them()
    {
        var disk = new MemoryLogDirectory();
        var options = Small with { PrefillBytes = 2048 };
        var expected = new List<string>();
        for (var life = 0; life < 3; life++)
        {
            using var log = WriteAheadLog.Open(disk, options, Ignore);
            Append(log, expected, 2, 100);
            Assert.True(disk.Content("0000000001.wal").Length > log.Bytes);
        }

        Assert.Equal(expected, Read(disk));
        Assert.Single(disk.List());
    }

    [Fact]
    public void Stale_groups_in_a_reused_file_never_validate()
    {
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, Small, Ignore))
        {
            log.Write(Group(1, 3000));
            log.Sync();

            // The file of the next segment is an old one whose groups have the very sizes and places of the
            // new ones.
            var old = new MemoryLogDirectory();
            using (var other = WriteAheadLog.Open(old, Small, Ignore))
            {
                for (var i = 0; i < 30; i++)
                {
                    other.Write(Group(1, 64));
                    other.Sync();
                }
            }

            disk.SetContent("0000000002.wal", old.Content("0000000001.wal"));
            for (var i = 0; i < 4; i++)
            {
                log.Write(Group(1, 1000));
                log.Write(Group(1, 64));
                log.Sync();
            }
        }

        var lengths = Read(disk).Select(record => record.Length - 2).ToList();
        Assert.Equal([3000, 1000, 64, 1000, 64, 1000, 64, 1000, 64], lengths);
    }

    [Fact]
    public void After_a_failed_sync_the_log_refuses_everything()
    {
        var disk = new MemoryLogDirectory();
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        log.Write(Group(1, 10));
        disk.FailSyncs = true;
        Assert.Throws<IOException>(log.Sync);
        disk.FailSyncs = false;
        Assert.Throws<InvalidOperationException>(log.Sync);
        Assert.Throws<InvalidOperationException>(() => log.Write(Group(1, 10)));
    }

    [Fact]
    public void A_full_disk_is_an_input_output_error_and_the_log_is_readable_afterwards()
    {
        var disk = new MemoryLogDirectory { CapacityBytes = 1000 };
        using var log = WriteAheadLog.Open(disk, Small, Ignore);
        log.Write(Group(1, 500));
        Assert.Throws<IOException>(() => log.Write(Group(1, 500)));
        Assert.Throws<InvalidOperationException>(() => log.Write(Group(1, 1)));
        Assert.Single(Read(disk));
    }

    [Fact]
    public void A_missing_segment_is_refused()
    {
        var disk = new MemoryLogDirectory();
        using (var log = WriteAheadLog.Open(disk, Small, Ignore))
        {
            for (var i = 0; i < 3; i++)
            {
                log.Write(Group(1, 3000));
            }
        }

        disk.Delete("0000000002.wal");
        var refused = Assert.Throws<LogCorruptException>(() => Read(disk));
        Assert.Equal("log file 0000000002.wal is corrupt at byte 0: the segment is missing", refused.Message);
    }

    [Fact]
    public void Files_of_others_are_left_alone()
    {
        var disk = new MemoryLogDirectory();
        disk.SetContent("incarnation", "7"u8);
        disk.SetContent("9999999999.tmp", "x"u8);
        using (var log = WriteAheadLog.Open(disk, Small, Ignore))
        {
            log.Write(Group(1, 10));
        }

        Assert.Single(Read(disk));
        Assert.Contains("incarnation", disk.List());
    }

    [Fact]
    public void A_group_refuses_more_than_it_can_hold()
    {
        var group = new LogGroup();
        group.Add(1, [], new byte[LogGroup.MaxBytes - 1000]);
        Assert.Throws<InvalidOperationException>(() => group.Add(1, [], new byte[1000]));
        Assert.Equal(1, group.Count);
        group.Clear();
        group.Add(1, [], new byte[1000]);
        Assert.Equal(1, group.Count);
    }

    internal static void Append(WriteAheadLog log, List<string> expected, int records, int payloadBytes)
    {
        var group = new LogGroup();
        for (var i = 0; i < records; i++)
        {
            var text = expected.Count.ToString(CultureInfo.InvariantCulture).PadRight(payloadBytes, '.');
            group.Add(1, Encoding.UTF8.GetBytes(text), []);
            expected.Add("1:" + text);
        }

        log.Write(group);
        log.Sync();
    }

    internal static LogGroup Group(int records, int payloadBytes)
    {
        var group = new LogGroup();
        for (var i = 0; i < records; i++)
        {
            var payload = new byte[payloadBytes];
            payload.AsSpan().Fill((byte)'x');
            group.Add(1, payload, []);
        }

        return group;
    }

    internal static List<string> Read(ILogDirectory disk)
    {
        var records = new List<string>();
        using var log = WriteAheadLog.Open(disk, Small, (type, payload) =>
            records.Add(string.Create(CultureInfo.InvariantCulture,
                $"{type}:{Encoding.UTF8.GetString(payload.Span)}")));
        return records;
    }

    internal static void Ignore(byte type, ReadOnlyMemory<byte> payload)
    {
    }
}
