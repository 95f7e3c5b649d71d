using System.Buffers.Binary;
using CsCheck;
using Testbed.Store;
using Testbed.Tests.Unit.Support;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Store;

public sealed class StoreMemoryTests
{
    private static readonly RecordHeader RaftHeader = new(1 << 30, 0, 0, 0);
    private static readonly RecordHeader EccHeader = new(
        EccVersion.Of(1_790_000_000_000_000, 0x1234_5678, 1, 0, 3).Value, ulong.MaxValue, 1024, 3);

    [Fact]
    public void Getting_overwriting_replacing_and_scanning_keys_allocates_nothing()
    {
        var store = new KvStore();
        var payload = new byte[400];
        var key = new byte[8];
        for (var i = 0; i < 5000; i++)
        {
            Big(key, Scatter(i));
            store.Put(key, default, payload);
        }

        var sum = 0L;
        ScanVisitor visitor = (_, in _, found) => (sum += found.Length) % 100 != 99;
        void Turn()
        {
            for (var i = 0; i < 2000; i++)
            {
                Big(key, Scatter(i));
                store.TryGet(key, out _, out var found);
                sum += found.Length;
                store.Put(key, RaftHeader, payload.AsSpan(0, 399));
                store.Delete(key);
                store.Put(key, EccHeader, payload.AsSpan(0, i % 400));
                store.Put(key, default, payload);
                store.Scan(key, visitor);
            }
        }

        Turn();
        Assert.Equal(0, Allocation.Least(Turn));
        Assert.True(sum > 0);
    }

    [Theory]
    [InlineData(16, false, 64)]
    [InlineData(342, true, 64)]
    [InlineData(1024, true, 64)]
    [InlineData(1024, false, 50)]
    public void Overhead_besides_the_key_is_bounded(int payloadBytes, bool isEcc, int mostBytes)
    {
        const int keys = 200_000;
        var store = new KvStore();
        var payload = new byte[payloadBytes];
        var key = new byte[23];
        var header = isEcc ? EccHeader : RaftHeader with { ValueBytes = payloadBytes };
        for (var i = 0; i < keys; i++)
        {
            Big(key, Scatter(i));
            store.Put(key, header, payload);
        }

        var overhead = store.Bytes.MetadataBytes / (double)keys;
        Assert.True(overhead < mostBytes, $"{overhead:F1} B per key at {payloadBytes} B");
    }

    [Fact]
    public void A_header_of_any_shape_comes_back_and_may_replace_any_other()
    {
        var edges = Among<ulong>(0, 1, ushort.MaxValue, (1UL << 48) - 1, 1UL << 48, ulong.MaxValue);
        var sizes = Among(0, 1, 255, 256, 65_535, 65_536, 100_000);
        var values = Gen.OneOf(sizes, Among(int.MaxValue, -1));
        var record = Gen.Select(edges, edges, edges, values, sizes, Gen.Byte);
        var keys = Among(0, 1, 255, 256, 1024, 65_535);
        Gen.Select(keys, record.Array[1, 10]).Sample((keyBytes, records) =>
        {
            var store = new KvStore();
            var key = new byte[keyBytes];
            key.AsSpan().Fill(200);
            foreach (var (upper, lower, checksum, valueBytes, payloadBytes, flags) in records)
            {
                var header = new RecordHeader(new UInt128(upper, lower), checksum, valueBytes, flags);
                var payload = new byte[payloadBytes];
                payload.AsSpan().Fill((byte)(flags ^ 0x55));
                store.Put(key, header, payload);
                Assert.True(store.TryGet(key, out var found, out var view));
                Assert.Equal(header, found);
                Assert.True(view.SequenceEqual(payload));
            }

            store.Verify();
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void A_record_that_gives_its_own_payload_back_with_a_longer_header_keeps_it()
    {
        var store = new KvStore();
        var payload = new byte[300];
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] = (byte)(i * 7);
        }

        foreach (var skip in new[] { 0, 1, 5, 21 })
        {
            store.Put("key"u8, default, payload);
            store.TryGet("key"u8, out _, out var view);
            store.Put("key"u8, EccHeader, view[skip..]);
            store.TryGet("key"u8, out var header, out view);
            Assert.Equal(EccHeader, header);
            Assert.True(view.SequenceEqual(payload.AsSpan(skip)));
            store.Put("key"u8, default, view);
            store.TryGet("key"u8, out _, out view);
            Assert.True(view.SequenceEqual(payload.AsSpan(skip)));
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(30)]
    public void Memory_follows_what_is_left_when_keys_are_deleted_at_random(int keptPerHundred)
    {
        const int keys = 60_000;
        var store = Filled(keys, 400);
        var key = new byte[8];
        for (var i = 0; i < keys; i++)
        {
            if (Scatter(i) % 100 >= (ulong)keptPerHundred)
            {
                Big(key, Scatter(i));
                store.Delete(key);
            }
        }

        store.Verify();
        AssertAtMostTwice(store);
    }

    [Fact]
    public void Memory_stays_bounded_when_values_change_their_sizes_again_and_again()
    {
        const int keys = 30_000;
        var store = Filled(keys, 400);
        var random = new SplitMix64(3);
        var key = new byte[8];
        var payload = new byte[2000];
        for (var round = 0; round < 8; round++)
        {
            var most = (int)random.Below(2000);
            for (var i = 0; i < keys; i++)
            {
                Big(key, Scatter(i));
                store.Put(key, default, payload.AsSpan(0, Math.Max(200, most - (int)random.Below(200))));
                if (i % 10_000 == 0)
                {
                    AssertAtMostTwice(store);
                }
            }

            store.Verify();
        }

        AssertAtMostTwice(store);
    }

    private static Gen<T> Among<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static KvStore Filled(int keys, int payloadBytes)
    {
        var store = new KvStore();
        var key = new byte[8];
        for (var i = 0; i < keys; i++)
        {
            Big(key, Scatter(i));
            store.Put(key, default, new byte[payloadBytes]);
        }

        return store;
    }

    // Half of the blocks, of every class in use two slabs, and what overhead remains.
    private static void AssertAtMostTwice(KvStore store)
    {
        var bytes = store.Bytes;
        var most = (2.2 * (bytes.PayloadBytes + (bytes.Keys * 45))) + 8_000_000;
        Assert.True(bytes.TotalBytes < most, $"{bytes} is more than {most:N0}");
    }

    private static ulong Scatter(int i) => (ulong)(i + 1) * 0x9E3779B97F4A7C15UL;

    private static void Big(Span<byte> key, ulong number) =>
        BinaryPrimitives.WriteUInt64BigEndian(key, number);
}
