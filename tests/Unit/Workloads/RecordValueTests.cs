using CsCheck;
using Testbed.Workloads;

namespace Testbed.Tests.Unit.Workloads;

public sealed class RecordValueTests
{
    private static readonly Gen<(int Length, uint Writer, long Sequence, ulong KeyHash)> Values = Gen.Select(
        Gen.Int[RecordValue.HeaderBytes, 1200], Gen.UInt[1, RecordValue.MaxWriter],
        Gen.Long[0, RecordValue.MaxSequence], Gen.ULong);

    [Fact]
    public void A_value_says_who_wrote_it() =>
        Values.Sample(v =>
        {
            var value = Filled(v);
            Assert.Equal(RecordCheck.Whole, RecordValue.Check(value, v.KeyHash, out var identity));
            Assert.Equal(RecordValue.Identity(v.Writer, v.Sequence), identity);
            Assert.NotEqual(0UL, identity);
        });

    [Fact]
    public void Any_flipped_bit_is_found() =>
        Gen.Select(Values, Gen.Int[0, int.MaxValue]).Sample((v, at) =>
        {
            var value = Filled(v);
            var bit = at % (value.Length * 8);
            value[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(RecordCheck.Corrupt, RecordValue.Check(value, v.KeyHash, out var identity));
            Assert.Equal(0UL, identity);
        });

    [Fact]
    public void Every_single_bit_of_one_value_matters()
    {
        var value = Filled((75, 1, 2, 3));
        for (var bit = 0; bit < value.Length * 8; bit++)
        {
            value[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(RecordCheck.Corrupt, RecordValue.Check(value, 3, out _));
            value[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Equal(RecordCheck.Whole, RecordValue.Check(value, 3, out _));
    }

    [Fact]
    public void A_cut_or_lengthened_value_is_corrupt() =>
        Gen.Select(Values, Gen.Int[-1200, 64]).Where((_, change) => change != 0).Sample((v, change) =>
        {
            var value = Filled(v);
            Array.Resize(ref value, Math.Max(0, value.Length + change));
            Assert.Equal(RecordCheck.Corrupt, RecordValue.Check(value, v.KeyHash, out _));
        });

    [Fact]
    public void Parts_of_two_values_make_a_corrupt_one() =>
        Gen.Select(Values, Gen.Int[1, int.MaxValue]).Sample((v, at) =>
        {
            var one = Filled(v);
            var other = Filled((v.Length, v.Writer, v.Sequence ^ 1, v.KeyHash));
            var cut = 1 + (at % (one.Length - 1));
            one.AsSpan(0, cut).CopyTo(other);
            if (!one.AsSpan().SequenceEqual(other) && cut > 4)
            {
                Assert.Equal(RecordCheck.Corrupt, RecordValue.Check(other, v.KeyHash, out _));
            }
        });

    [Fact]
    public void A_value_of_another_key_is_told_from_a_corrupt_one()
    {
        var value = Filled((100, 5, 6, 7));
        Assert.Equal(RecordCheck.OtherKey, RecordValue.Check(value, 8, out var identity));
        Assert.Equal(RecordValue.Identity(5, 6), identity);
    }

    [Fact]
    public void A_merge_changes_one_field_and_stays_whole()
    {
        var old = Filled((132, 1, 1, 9));
        var merged = old.ToArray();
        RecordValue.Merge(merged, field: 3, fields: 10, RecordValue.Identity(1, 2), keyHash: 9);
        Assert.Equal(RecordCheck.Whole, RecordValue.Check(merged, 9, out var identity));
        Assert.Equal(RecordValue.Identity(1, 2), identity);
        var body = RecordValue.HeaderBytes;
        Assert.Equal(old[body..(body + 30)], merged[body..(body + 30)]);
        Assert.NotEqual(old[(body + 30)..(body + 40)], merged[(body + 30)..(body + 40)]);
        Assert.Equal(old[(body + 40)..], merged[(body + 40)..]);
    }

    [Fact]
    public void Bodies_of_different_writes_differ()
    {
        Assert.NotEqual(Filled((64, 1, 1, 9))[32..], Filled((64, 1, 2, 9))[32..]);
        Assert.NotEqual(Filled((64, 1, 1, 9))[32..], Filled((64, 1, 1, 10))[32..]);
    }

    [Fact]
    public void A_value_has_these_very_bytes()
    {
        var value = Filled((45, 1, 2, 3));
        Assert.Equal(PinnedValue, Convert.ToHexStringLower(value));
    }

    private const string PinnedValue = "5442563137c49204020000000001000003000000000000002d00000000000000"
        + "a708498fd6b987df1d431ae91e";

    private static byte[] Filled((int Length, uint Writer, long Sequence, ulong KeyHash) v)
    {
        var value = new byte[v.Length];
        RecordValue.Fill(value, RecordValue.Identity(v.Writer, v.Sequence), v.KeyHash);
        return value;
    }
}
