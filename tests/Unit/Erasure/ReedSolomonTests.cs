using CsCheck;
using Testbed.Erasure;
using Testbed.Tests.Unit.Support;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Erasure;

public sealed class ReedSolomonTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    [InlineData(5, 2)]
    [InlineData(5, 3)]
    [InlineData(6, 4)]
    [InlineData(9, 6)]
    public void Any_k_elements_decode_and_rebuild_the_others(int n, int k)
    {
        var code = new ReedSolomon(n, k);
        var value = Bytes(1000 + n, seed: 7);
        var elements = Encode(code, value);
        for (var mask = 0; mask < 1 << n; mask++)
        {
            if (int.PopCount(mask) != k)
            {
                continue;
            }

            var indices =
                Enumerable.Range(0, n).Where(i => (mask >> i & 1) != 0).Select(i => (byte)i).ToArray();
            AssertRestores(code, value, elements, indices);
            AssertRestores(code, value, elements, [.. indices.Reverse()]);
        }
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(5, 3)]
    [InlineData(6, 4)]
    [InlineData(9, 6)]
    [InlineData(5, 1)]
    public void Every_length_from_zero_survives_the_loss_of_the_first_data_elements(int n, int k)
    {
        var code = new ReedSolomon(n, k);
        for (var length = 0; length <= 100; length++)
        {
            var value = Bytes(length, seed: (ulong)length);
            var elements = Encode(code, value);
            AssertRestores(code, value, elements, [.. Enumerable.Range(n - k, k).Select(i => (byte)i)]);
            AssertRestores(code, value, elements, [.. Enumerable.Range(0, k).Select(i => (byte)i)]);
        }
    }

    [Fact]
    public void Large_codes_decode_from_random_sources()
    {
        Gen.Select(Gen.Int[1, 64], Gen.Int[1, 64], Gen.Int[0, 3000], Gen.ULong)
            .Sample((a, b, length, seed) =>
            {
                var (n, k) = (Math.Max(a, b), Math.Min(a, b));
                var code = new ReedSolomon(n, k);
                var random = new SplitMix64(seed);
                var value = Bytes(length, seed);
                var elements = Encode(code, value);
                var indices = Enumerable.Range(0, n).Select(i => (byte)i).ToArray();
                for (var i = 0; i < k; i++)
                {
                    var other = i + (int)random.Below(n - i);
                    (indices[i], indices[other]) = (indices[other], indices[i]);
                }

                var sources = indices[..k];
                var decoded = new byte[length];
                code.Decode(sources, Pick(elements, sources), decoded);
                Assert.Equal(value, decoded);
                var wanted = indices[^1];
                var rebuilt = new byte[code.ElementBytes(length)];
                code.Rebuild(sources, Pick(elements, sources), wanted, rebuilt);
                Assert.Equal(elements[wanted], rebuilt);
            }, iter: 40, threads: 1);
    }

    [Fact]
    public void Parity_element_zero_is_the_exclusive_or_of_the_data_elements()
    {
        var code = new ReedSolomon(9, 6);
        var elements = Encode(code, Bytes(600, seed: 1));
        for (var i = 0; i < 100; i++)
        {
            var sum = 0;
            for (var data = 0; data < 6; data++)
            {
                sum ^= elements[data][i];
            }

            Assert.Equal(sum, elements[6][i]);
        }
    }

    [Fact]
    public void With_one_data_element_every_element_is_the_value()
    {
        var value = Bytes(77, seed: 3);
        Assert.All(Encode(new ReedSolomon(5, 1), value), element => Assert.Equal(value, element));
    }

    [Fact]
    public void Data_elements_are_slices_of_the_value_padded_with_zeros()
    {
        var code = new ReedSolomon(5, 3);
        byte[] value = [1, 2, 3, 4];
        Assert.Equal(2, code.ElementBytes(4));
        var elements = Encode(code, value);
        Assert.Equal([1, 2], elements[0]);
        Assert.Equal([3, 4], elements[1]);
        Assert.Equal([0, 0], elements[2]);
        Assert.Equal(0, code.ElementBytes(0));
        Assert.Equal(int.MaxValue / 3 + 1, code.ElementBytes(int.MaxValue));
    }

    [Fact]
    public void More_than_k_elements_decode_too()
    {
        var code = new ReedSolomon(6, 4);
        var value = Bytes(501, seed: 5);
        AssertRestores(code, value, Encode(code, value), [5, 0, 4, 2, 3, 1]);
        AssertRestores(code, value, Encode(code, value), [5, 0, 4, 2, 3]);
    }

    [Fact]
    public void Fewer_than_k_elements_wrong_lengths_and_wrong_indices_are_refused()
    {
        var code = new ReedSolomon(5, 3);
        var elements = Encode(code, new byte[30]);
        var value = new byte[30];
        Assert.Throws<ArgumentException>(() => code.Decode([0, 1], Pick(elements, [0, 1]), value));
        Assert.Throws<ArgumentException>(() => code.Decode([0, 1, 1], Pick(elements, [0, 1, 1]), value));
        Assert.Throws<ArgumentException>(() => code.Decode([0, 1, 2], Pick(elements, [0, 1]), value));
        Assert.Throws<ArgumentException>(() =>
            code.Decode([0, 1, 2], Pick(elements, [0, 1, 2]), new byte[31]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            code.Decode([0, 1, 5], Pick(elements, [0, 1, 2]), value));
        Assert.Throws<ArgumentOutOfRangeException>(() => code.EncodeElement(value, 5, new byte[10]));
        Assert.Throws<ArgumentException>(() => code.EncodeElement(value, 4, new byte[9]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(65, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(2, 0));
    }

    [Fact]
    public void Plans_are_kept_for_each_pattern_and_bounded()
    {
        var code = new ReedSolomon(20, 3);
        var value = Bytes(90, seed: 9);
        var elements = Encode(code, value);
        for (var round = 0; round < 2; round++)
        {
            for (byte a = 3; a < 20; a++)
            {
                for (var b = (byte)(a + 1); b < 20; b++)
                {
                    AssertRestores(code, value, elements, [0, a, b]);
                }
            }
        }

        Assert.Equal(DecodePlanCache.Capacity, code.CachedPlans);
    }

    [Fact]
    public void A_decode_that_has_all_data_elements_needs_no_plan()
    {
        var code = new ReedSolomon(5, 3);
        var value = Bytes(100, seed: 11);
        AssertRestores(code, value, Encode(code, value), [2, 0, 1]);
        var decoded = new byte[100];
        var only = new ReedSolomon(5, 3);
        only.Decode([2, 0, 1], Pick(Encode(only, value), [2, 0, 1]), decoded);
        Assert.Equal((0, true), (only.CachedPlans, decoded.AsSpan().SequenceEqual(value)));
    }

    [Fact]
    public void Several_elements_are_rebuilt_at_once_also_those_that_are_there()
    {
        var code = new ReedSolomon(9, 6);
        var value = Bytes(6 * 341, seed: 13);
        var elements = Encode(code, value);
        byte[] sources = [8, 2, 3, 7, 4, 5];
        byte[] wanted = [0, 6, 1, 3, 7];
        var rebuilt = wanted.Select(_ => new Memory<byte>(new byte[341])).ToArray();
        code.Rebuild(sources, Pick(elements, sources), wanted, rebuilt);
        for (var i = 0; i < wanted.Length; i++)
        {
            Assert.Equal(elements[wanted[i]], rebuilt[i].ToArray());
        }

        code.Rebuild(sources, Pick(elements, sources), [], []);
        Assert.Throws<ArgumentException>(() =>
            code.Rebuild(sources, Pick(elements, sources), [0], new Memory<byte>[2]));
        Assert.Throws<ArgumentException>(() =>
            code.Rebuild(sources, Pick(elements, sources), [0, 1], [new byte[341], new byte[340]]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            code.Rebuild(sources, Pick(elements, sources), [9], [new byte[341]]));
    }

    [Fact]
    public void Parity_alone_equals_the_parity_of_all_and_wrong_lengths_are_refused()
    {
        var code = new ReedSolomon(5, 3);
        for (var length = 0; length <= 200; length++)
        {
            var value = Bytes(length, seed: (ulong)length);
            var elements = Encode(code, value);
            Memory<byte>[] parity = [new byte[elements[0].Length], new byte[elements[0].Length]];
            code.EncodeParity(value, parity);
            Assert.Equal(elements[3], parity[0].ToArray());
            Assert.Equal(elements[4], parity[1].ToArray());
        }

        Assert.Throws<ArgumentException>(() => code.EncodeParity(new byte[30], [new byte[10]]));
        Assert.Throws<ArgumentException>(() => code.EncodeParity(new byte[30], [new byte[10], new byte[9]]));
        Assert.Throws<ArgumentException>(() => code.EncodeParity(new byte[30], [new byte[11], new byte[11]]));
        Assert.Throws<ArgumentException>(() => code.EncodeParity([], [new byte[1], new byte[1]]));
        new ReedSolomon(3, 3).EncodeParity(new byte[9], []);
    }

    [Fact]
    public void Coding_allocates_nothing_once_a_pattern_is_known()
    {
        var code = new ReedSolomon(9, 6);
        var value = Bytes(6000, seed: 17);
        var elements = Encode(code, value);
        var all = elements.Select(element => element.AsMemory()).ToArray();
        var sources = Enumerable.Range(3, 6).Select(i => (byte)i).ToArray();
        var others = new byte[] { 0, 2, 4, 6, 7, 8 };
        var (picked, pickedOthers) = (Pick(elements, sources), Pick(elements, others));
        byte[] wanted = [0, 1];
        Memory<byte>[] rebuilt = [new byte[1000], new byte[1000]];
        void Round()
        {
            code.EncodeAll(value, all);
            code.EncodeParity(value, all.AsSpan(6));
            code.EncodeElement(value, 7, all[7].Span);
            code.Decode(sources, picked, value);
            code.Decode(others, pickedOthers, value);
            code.Rebuild(sources, picked, 1, rebuilt[0].Span);
            code.Rebuild(sources, picked, wanted, rebuilt);
        }

        Round();
        Assert.Equal(0, Allocation.Least(Round));
    }

    internal static byte[] Bytes(int length, ulong seed)
    {
        var random = new SplitMix64(seed);
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)random.Next();
        }

        return bytes;
    }

    internal static byte[][] Encode(ReedSolomon code, byte[] value)
    {
        var elements = new byte[code.Elements][];
        var memories = new Memory<byte>[code.Elements];
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = new byte[code.ElementBytes(value.Length)];
            elements[i].AsSpan().Fill(0xEE);
            memories[i] = elements[i];
        }

        code.EncodeAll(value, memories);
        return elements;
    }

    private static ReadOnlyMemory<byte>[] Pick(byte[][] elements, ReadOnlySpan<byte> indices)
    {
        var picked = new ReadOnlyMemory<byte>[indices.Length];
        for (var i = 0; i < picked.Length; i++)
        {
            picked[i] = elements[indices[i]];
        }

        return picked;
    }

    private static void AssertRestores(ReedSolomon code, byte[] value, byte[][] elements, byte[] indices)
    {
        var decoded = new byte[value.Length];
        code.Decode(indices, Pick(elements, indices), decoded);
        Assert.Equal(value, decoded);
        for (var wanted = 0; wanted < code.Elements; wanted++)
        {
            var rebuilt = new byte[code.ElementBytes(value.Length)];
            code.Rebuild(indices, Pick(elements, indices), wanted, rebuilt);
            Assert.Equal(elements[wanted], rebuilt);
        }
    }
}
