using CsCheck;
using Testbed.Store;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Store;

public sealed class SnapshotTests
{
    private static readonly byte[] Payloads = new byte[300];
    private static readonly byte[][] SameHash = FindEqualHashes();

    // What happens to a store with a snapshot; every kind draws a key and a size too.
    private enum Act
    {
        Put,
        Delete,
        Begin,
        Advance,
        Finish,
        Cancel,
        Clear,
    }

    [Fact]
    public void A_snapshot_is_the_store_at_its_beginning_whatever_changes_meanwhile()
    {
        var act = Gen.Frequency((20, Gen.Const(Act.Put)), (12, Gen.Const(Act.Delete)), (2, Gen.Const(Act.Begin)),
            (10, Gen.Const(Act.Advance)), (1, Gen.Const(Act.Finish)), (1, Gen.Const(Act.Cancel)));
        var step = Gen.Select(Gen.Frequency((200, act), (1, Gen.Const(Act.Clear))), Gen.Int[0, 120],
            Gen.Frequency((8, Gen.Int[0, 300]), (1, Gen.Int[0, 20_000]), (1, Gen.Int[262_000, 263_000])));
        step.Array[1, 400].Sample(steps =>
        {
            var run = new Run();
            for (var i = 0; i < steps.Length; i++)
            {
                run.Step(steps[i].Item1, steps[i].Item2, steps[i].Item3, i);
            }

            run.Step(Act.Finish, 0, 0, 0);
            run.Store.Verify();
        }, iter: 400, threads: 1);
    }

    [Fact]
    public void It_survives_growth_and_shrinking_of_the_index_by_orders_of_magnitude()
    {
        var run = new Run();
        for (var round = 0; round < 3; round++)
        {
            Fill(run, 0, 300);
            run.Step(Act.Begin, 0, 0, round);
            Advance(run, times: 20);
            Fill(run, 300, 9_000);
            Advance(run, times: 20);
            for (var i = 8_999; i >= 100; i--)
            {
                run.Step(Act.Delete, i, 0, i);
            }

            Advance(run, times: 20);
            run.Step(round == 1 ? Act.Cancel : Act.Finish, 0, 0, 0);
            run.Store.Verify();
        }
    }

    [Fact]
    public void Snapshots_follow_one_another_also_after_cancelled_ones()
    {
        var run = new Run();
        Fill(run, 0, 500);
        for (var round = 0; round < 20; round++)
        {
            run.Step(Act.Begin, 0, 0, round);
            Advance(run, times: round);
            Fill(run, round * 20, (round * 20) + 40);
            run.Step(Act.Delete, round, 0, round);
            run.Step(round % 3 == 0 ? Act.Finish : Act.Cancel, 0, 0, 0);
        }

        run.Step(Act.Begin, 0, 0, 1);
        run.Step(Act.Finish, 0, 0, 0);
    }

    [Fact]
    public void It_gives_no_more_at_once_than_was_asked_for_but_for_one_record()
    {
        var store = new KvStore();
        for (var i = 0; i < 100; i++)
        {
            store.Put(Key(i), default, new byte[1000]);
        }

        var given = 0;
        store.BeginSnapshot((_, in _, _) => given++);
        Assert.True(store.AdvanceSnapshot(0));
        Assert.Equal(1, given);
        Assert.True(store.AdvanceSnapshot(10_000));
        Assert.InRange(given, 10, 11);
        Assert.False(store.AdvanceSnapshot(int.MaxValue));
        Assert.Equal(100, given);
    }

    [Fact]
    public void There_is_one_at_a_time_and_none_goes_on_after_its_end()
    {
        var store = new KvStore();
        store.Put("a"u8, default, "b"u8);
        store.CancelSnapshot();
        Assert.Throws<InvalidOperationException>(() => store.AdvanceSnapshot(1));
        store.BeginSnapshot((_, in _, _) => { });
        Assert.True(store.IsSnapshotting);
        Assert.Throws<InvalidOperationException>(() => store.BeginSnapshot((_, in _, _) => { }));
        while (store.AdvanceSnapshot(1))
        {
        }

        Assert.False(store.IsSnapshotting);
        Assert.Throws<InvalidOperationException>(() => store.AdvanceSnapshot(1));
        store.BeginSnapshot((_, in _, _) => { });
        store.Clear();
        Assert.Throws<InvalidOperationException>(() => store.AdvanceSnapshot(1));
    }

    [Fact]
    public void A_cleared_store_is_as_a_new_one()
    {
        var store = new KvStore();
        for (var i = 0; i < 5000; i++)
        {
            store.Put(Key(i), default, new byte[500]);
        }

        store.Clear();
        Assert.Equal(new KvStore().Bytes, store.Bytes);
        Assert.False(store.TryGet(Key(7), out _, out _));
        store.Put(Key(7), default, [1]);
        Assert.Equal(1, store.Count);
        store.Verify();
    }

    [Fact]
    public void A_snapshot_and_changes_under_it_allocate_nothing()
    {
        var store = new KvStore();
        var key = new byte[8];
        var given = 0;
        SnapshotSink sink = (_, in _, _) => given++;
        void Round()
        {
            store.BeginSnapshot(sink);
            for (var i = 0; i < 4000; i++)
            {
                BitConverter.TryWriteBytes(key, i);
                if (i % 8 == 7)
                {
                    store.Delete(key);
                }

                store.Put(key, default, Payloads.AsSpan(0, 200 + (i % 64)));
                if (i < 900)
                {
                    store.AdvanceSnapshot(100);
                }
            }

            while (store.AdvanceSnapshot(10_000))
            {
            }
        }

        for (var i = 0; i < 5000; i++)
        {
            BitConverter.TryWriteBytes(key, i);
            store.Put(key, default, Payloads.AsSpan(0, 200));
        }

        Round();
        Assert.Equal(0, Allocation.Least(Round));
        Assert.True(given >= 10_000 && given % 5000 == 0);
    }

    private static void Fill(Run run, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            run.Step(Act.Put, i, i % 50, i);
        }
    }

    private static void Advance(Run run, int times)
    {
        for (var i = 0; i < times; i++)
        {
            run.Step(Act.Advance, 0, i, i);
        }
    }

    // The first keys are pairs of equal hashes.
    private static byte[] Key(int number) => number < SameHash.Length ? SameHash[number] : KeyOf(number);

    private static byte[] KeyOf(int number) => BitConverter.GetBytes(number * 7919);

    private static byte[][] FindEqualHashes()
    {
        var found = new List<byte[]>();
        var seen = new Dictionary<uint, int>();
        for (var i = 20_000; found.Count < 20; i++)
        {
            if (!seen.TryAdd(KvStore.Hash(KeyOf(i)), i))
            {
                found.Add(KeyOf(seen[KvStore.Hash(KeyOf(i))]));
                found.Add(KeyOf(i));
            }
        }

        return [.. found];
    }

    /// <summary>A store, what it must hold, and what its snapshot must give.</summary>
    private sealed class Run
    {
        private readonly Dictionary<int, (RecordHeader Header, int Bytes)> _model = [];
        private Dictionary<int, (RecordHeader Header, int Bytes)>? _left;

        public KvStore Store { get; } = new();

        public void Step(Act act, int number, int bytes, int seed)
        {
            switch (act)
            {
                case Act.Put:
                    var header = new RecordHeader((UInt128)seed << 70, (ulong)number, bytes, (byte)seed);
                    _model[number] = (header, bytes);
                    Store.Put(Key(number), header, Content(header, bytes));
                    break;
                case Act.Delete:
                    Assert.Equal(_model.Remove(number), Store.Delete(Key(number)));
                    break;
                case Act.Begin when _left is null:
                    _left = new(_model);
                    Store.BeginSnapshot(Take);
                    break;
                case Act.Advance when _left is not null:
                    AssertEnd(isEnd: !Store.AdvanceSnapshot(bytes));
                    break;
                case Act.Finish when _left is not null:
                    while (Store.AdvanceSnapshot(100))
                    {
                    }

                    AssertEnd(isEnd: true);
                    break;
                case Act.Cancel:
                    Store.CancelSnapshot();
                    _left = null;
                    break;
                case Act.Clear:
                    Store.Clear();
                    _model.Clear();
                    _left = null;
                    break;
                default:
                    break;
            }

            Assert.Equal(_model.Count, Store.Count);
            Assert.Equal(_left is not null, Store.IsSnapshotting);
        }

        private static byte[] Content(in RecordHeader header, int bytes)
        {
            var content = new byte[bytes];
            content.AsSpan().Fill((byte)(header.Flags + header.Checksum));
            return content;
        }

        private void Take(ReadOnlySpan<byte> key, in RecordHeader header, ReadOnlySpan<byte> payload)
        {
            // Fails for a record that came later, and for one that is given twice.
            Assert.True(_left!.Remove((int)header.Checksum, out var expected));
            Assert.Equal(expected.Header, header);
            Assert.True(key.SequenceEqual(Key((int)header.Checksum)));
            Assert.True(payload.SequenceEqual(Content(header, expected.Bytes)));
        }

        private void AssertEnd(bool isEnd)
        {
            if (isEnd)
            {
                Assert.Empty(_left!);
                _left = null;
            }
        }
    }
}
