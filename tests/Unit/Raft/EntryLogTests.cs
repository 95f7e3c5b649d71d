using CsCheck;
using Testbed.Raft;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Raft;

public sealed class EntryLogTests
{
    [Fact]
    public void A_log_behaves_like_a_list_under_adds_truncations_and_drops()
    {
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 60], Gen.Int[0, 40]).List[1, 200].Sample(steps =>
        {
            var log = new EntryLog(chunkBytes: 256);
            var model = new List<(ulong Term, byte[] Bytes)>();
            var (dropped, term, stamp) = (0, 1UL, 0);
            foreach (var (kind, size, position) in steps)
            {
                if (kind < 6)
                {
                    var bytes = new byte[1 + (size == 60 ? 700 : size)];
                    Array.Fill(bytes, (byte)stamp++);
                    log.AddCopy(term, bytes);
                    model.Add((term, bytes));
                }
                else if (kind < 8 && model.Count > dropped)
                {
                    var keep = dropped + position % (model.Count - dropped + 1);
                    log.TruncateFrom((ulong)keep + 1);
                    model.RemoveRange(keep, model.Count - keep);
                    term++;
                }
                else
                {
                    dropped = int.Min(model.Count, dropped + position % 8);
                    log.DropTo((ulong)dropped);
                }

                Same(log, model, dropped);
            }
        }, iter: 300);
    }

    [Fact]
    public void Memory_is_charged_with_its_free_room_and_given_back_when_entries_go()
    {
        var log = new EntryLog(chunkBytes: 1024);
        var empty = log.AllocatedBytes;
        Assert.True(empty >= 1024);
        for (var i = 0; i < 200; i++)
        {
            log.AddCopy(1, new byte[i % 50 == 0 ? 5000 : 900]);
            Assert.True(log.AllocatedBytes > log.Bytes);
        }

        // A chunk for each entry: those of 900 bytes do not fit twice, those of 5,000 have chunks of their own.
        var full = log.AllocatedBytes;
        Assert.InRange(full - empty, (196 * 1024) + (4 * 5000) - 1024, 260_000);

        // 64 usual chunks stay for later entries, and the one being filled.
        log.DropTo(log.LastIndex);
        Assert.InRange(log.AllocatedBytes - empty, 64 * 1024, full - empty - (130 * 1024));
        var kept = log.AllocatedBytes;
        log.AddCopy(1, new byte[900]);
        Assert.Equal(kept, log.AllocatedBytes);
    }

    [Fact]
    public void Entries_that_fit_are_found_by_bytes_and_one_always_fits()
    {
        var log = new EntryLog();
        foreach (var bytes in (int[])[100, 50, 50, 400, 10])
        {
            log.AddCopy(1, new byte[bytes]);
        }

        Assert.Equal(3UL, log.Fit(1, 200, out var taken));
        Assert.Equal(200, taken);
        Assert.Equal(1UL, log.Fit(1, 149, out taken));
        Assert.Equal(100, taken);
        Assert.Equal(4UL, log.Fit(4, 1, out taken));
        Assert.Equal(400, taken);
        Assert.Equal(5UL, log.Fit(4, 1_000, out taken));
        Assert.Equal(410, taken);
    }

    [Fact]
    public void Steady_work_uses_the_same_chunks_again()
    {
        var log = new EntryLog(chunkBytes: 4096);
        var entry = new byte[100];
        Work(1_000);
        Assert.InRange(Allocation.Least(() => Work(10_000)), 0, 1_000);

        void Work(int count)
        {
            for (var i = 0; i < count; i++)
            {
                log.AddCopy(1, entry);
                log.DropTo(log.LastIndex > 50 ? log.LastIndex - 50 : 0);
            }
        }
    }

    private static void Same(EntryLog log, List<(ulong Term, byte[] Bytes)> model, int dropped)
    {
        Assert.Equal((ulong)model.Count, log.LastIndex);
        Assert.Equal((ulong)dropped, log.BaseIndex);
        Assert.Equal(model.Count == 0 ? 0 : model[^1].Term, log.LastTerm);
        Assert.Equal(model.Skip(dropped).Sum(m => (long)m.Bytes.Length), log.Bytes);
        for (var i = dropped; i < model.Count; i++)
        {
            Assert.Equal(model[i].Term, log.Term((ulong)i + 1));
            Assert.True(log.Entry((ulong)i + 1).SequenceEqual(model[i].Bytes));
        }

        var all = new byte[log.Bytes];
        log.CopyTo(all, log.BaseIndex + 1, log.LastIndex);
        Assert.Equal(model.Skip(dropped).SelectMany(m => m.Bytes), all);
    }
}
