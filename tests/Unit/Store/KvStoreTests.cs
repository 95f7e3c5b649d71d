using CsCheck;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Store;

public sealed class KvStoreTests
{
    [Fact]
    public void A_record_comes_back_with_its_header()
    {
        var store = new KvStore();
        var header = new RecordHeader(new UInt128(ulong.MaxValue, 7), ulong.MaxValue - 1, int.MaxValue, 255);
        store.Put("key"u8, header, "payload"u8);
        Assert.True(store.TryGet("key"u8, out var found, out var payload));
        Assert.Equal(header, found);
        Assert.True(payload.SequenceEqual("payload"u8));
        Assert.False(store.TryGet("kez"u8, out _, out payload));
        Assert.True(payload.IsEmpty);
        Assert.False(store.Delete("kez"u8));
        Assert.True(store.Delete("key"u8));
        Assert.False(store.TryGet("key"u8, out _, out _));
        store.Verify();
    }

    [Fact]
    public void It_behaves_like_a_sorted_dictionary()
    {
        var operation = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 60], Gen.Frequency(
            (8, Gen.Int[0, 300]), (2, Gen.Int[0, 10_000]), (1, Gen.Int[200_000, 300_000])));
        operation.Array[1, 250].Sample(operations =>
        {
            var store = new KvStore();
            var model = new SortedDictionary<byte[], (RecordHeader Header, byte[] Payload)>(new ByBytes());
            for (var i = 0; i < operations.Length; i++)
            {
                var (kind, keyNumber, payloadBytes) = operations[i];
                var key = Key(keyNumber);
                switch (kind)
                {
                    case < 5:
                        var payload = Payload(payloadBytes, i);
                        var header = new RecordHeader((UInt128)i << 60, (ulong)i, payloadBytes, (byte)i);
                        store.Put(key, header, payload);
                        model[key] = (header, payload);
                        break;
                    case < 8:
                        Assert.Equal(model.Remove(key), store.Delete(key));
                        break;
                    default:
                        AssertScan(store, model, key, most: keyNumber);
                        break;
                }

                AssertSame(store, model, key);
            }

            store.Verify();
            AssertScan(store, model, [], int.MaxValue);
            Assert.Equal(model.Values.Sum(value => (long)value.Payload.Length), store.Bytes.PayloadBytes);
            Assert.Equal(model.Keys.Sum(key => (long)key.Length), store.Bytes.KeyBytes);
        }, iter: 150, threads: 1);
    }

    [Fact]
    public void Many_keys_in_any_order_stay_sorted_through_growth_and_shrinking()
    {
        Func<int, ulong>[] orders = [i => (ulong)i, i => ulong.MaxValue - (ulong)i, Scatter];
        foreach (var order in orders)
        {
            const int keys = 20_000;
            var store = new KvStore();
            var key = new byte[8];
            for (var i = 0; i < keys; i++)
            {
                Big(key, order(i));
                store.Put(key, new RecordHeader(default, (ulong)i, 0, 0), key);
            }

            store.Verify();
            Assert.Equal(keys, store.Count);
            for (var i = 0; i < keys; i += i % 16 == 0 ? 1 : 3)
            {
                Big(key, order(i));
                Assert.True(store.Delete(key));
                if (i % 997 == 0)
                {
                    store.Verify();
                }
            }

            store.Verify();
            for (var i = 0; i < keys; i++)
            {
                Big(key, order(i));
                Assert.Equal(store.TryGet(key, out var header, out _), header.Checksum == (ulong)i
                    && store.Delete(key));
            }

            Assert.Equal((0, 0L), (store.Count, store.Bytes.PayloadBytes));
            store.Verify();
        }
    }

    [Fact]
    public void Every_payload_size_class_survives_growing_and_shrinking_values()
    {
        var store = new KvStore();
        int[] sizes = [0, 1, 8, 900, 1000, 1024, 2047, 4096, 8000, 8192, 9000, 100_000, 262_000, 262_144,
            300_000, 1 << 20];
        var random = new SplitMix64(1);
        for (var round = 0; round < 200; round++)
        {
            var key = Key((int)random.Below(7));
            var payload = Payload(sizes[random.Below(sizes.Length)], round);
            store.Put(key, new RecordHeader(default, (ulong)round, 0, 0), payload);
            store.Put(Key(100), default, payload);
            Assert.True(store.TryGet(key, out var header, out var found) && found.SequenceEqual(payload));
            Assert.Equal((ulong)round, header.Checksum);
        }

        store.Verify();
    }

    [Fact]
    public void Keys_of_every_length_are_kept_apart_also_when_one_begins_with_another()
    {
        var store = new KvStore();
        var key = new byte[1024];
        key.AsSpan().Fill(7);
        for (var length = 0; length <= key.Length; length++)
        {
            store.Put(key.AsSpan(0, length), new RecordHeader(default, (ulong)length, 0, 0), []);
        }

        var next = 0;
        store.Scan([], (found, in header, _) => found.Length == next && header.Checksum == (ulong)next++);
        Assert.Equal(1025, next);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Put(new byte[65_536], default, []));
    }

    [Fact]
    public void A_payload_may_be_the_view_of_another_record_or_of_itself()
    {
        var store = new KvStore();
        store.Put("a"u8, default, Payload(500, 1));
        store.TryGet("a"u8, out _, out var view);
        store.Put("b"u8, default, view);
        store.TryGet("b"u8, out _, out view);
        store.Put("b"u8, default, view[100..]);
        store.TryGet("b"u8, out _, out view);
        Assert.True(view.SequenceEqual(Payload(500, 1).AsSpan(100)));
    }

    [Fact]
    public void All_memory_but_a_segment_of_each_kind_is_given_back_when_everything_is_deleted()
    {
        var store = new KvStore();
        store.Put("warm"u8, default, new byte[100]);
        store.Put("large"u8, default, new byte[10_000]);
        store.Delete("warm"u8);
        store.Delete("large"u8);
        var empty = store.Bytes;
        Assert.Equal((0, 0, 0), (empty.Keys, empty.PayloadBytes, empty.KeyBytes));
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 3000; i++)
            {
                store.Put(Key(i), default, Payload(i % 100 == 0 ? 300_000 : i * 7 % 20_000, i));
            }

            Assert.True(store.Bytes.TotalBytes > 30_000_000);
            Assert.Equal(3000, store.Bytes.Keys);
            for (var i = 2999; i >= 0; i--)
            {
                store.Delete(Key((i * 7) % 3000));
            }

            store.Verify();
            Assert.Equal(empty, store.Bytes);
        }
    }

    private static void AssertSame(KvStore store, SortedDictionary<byte[], (RecordHeader, byte[])> model,
        byte[] key)
    {
        var isThere = model.TryGetValue(key, out var expected);
        Assert.Equal(isThere, store.TryGet(key, out var header, out var payload));
        Assert.Equal(model.Count, store.Count);
        if (isThere)
        {
            Assert.Equal(expected.Item1, header);
            Assert.True(payload.SequenceEqual(expected.Item2));
        }
    }

    private static void AssertScan(KvStore store,
        SortedDictionary<byte[], (RecordHeader Header, byte[] Payload)> model, byte[] start, int most)
    {
        var expected =
            model.Where(pair => pair.Key.AsSpan().SequenceCompareTo(start) >= 0).Take(most).ToList();
        var seen = 0;
        store.Scan(start, (key, in header, payload) =>
        {
            if (seen == most)
            {
                return false;
            }

            Assert.True(key.SequenceEqual(expected[seen].Key)
                && payload.SequenceEqual(expected[seen].Value.Payload));
            Assert.Equal(expected[seen].Value.Header, header);
            seen++;
            return true;
        });
        Assert.Equal(expected.Count, seen);
    }

    // Lengths 2 to 1024, with common beginnings.
    private static byte[] Key(int number)
    {
        var key = new byte[number % 20 == 0 ? 1024 : 2 + (number % 9)];
        key.AsSpan().Fill((byte)(number % 3));
        key[^1] = (byte)number;
        key[0] = (byte)(number >> 8);
        return key;
    }

    private static byte[] Payload(int bytes, int seed)
    {
        var payload = new byte[bytes];
        for (var i = 0; i < bytes; i += 1 + (bytes >> 8))
        {
            payload[i] = (byte)(seed + i);
        }

        return payload;
    }

    private static ulong Scatter(int i) => (ulong)(i + 1) * 0x9E3779B97F4A7C15UL;

    private static void Big(Span<byte> key, ulong number) =>
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(key, number);

    private sealed class ByBytes : IComparer<byte[]>
    {
        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
