using Testbed.Workloads;

namespace Testbed.Tests.Unit.Workloads;

public sealed class KeyFormatTests
{
    [Theory]
    [InlineData(0, "user6284781860667377211")]
    [InlineData(1, "user8517097267634966620")]
    [InlineData(2, "user1820151046732198393")]
    [InlineData(3, "user4052466453699787802")]
    public void Hashed_keys_are_those_of_YCSB(long number, string expected) =>
        Assert.Equal(expected, new KeyFormat(ordered: false, zeroPadding: 1).Text(number));

    [Theory]
    [InlineData(5, 1, "user5")]
    [InlineData(5, 8, "user00000005")]
    [InlineData(123456789, 8, "user123456789")]
    [InlineData(0, 0, "user0")]
    public void Ordered_keys_are_padded_with_zeros(long number, int padding, string expected) =>
        Assert.Equal(expected, new KeyFormat(ordered: true, zeroPadding: padding).Text(number));

    [Fact]
    public void A_key_never_outgrows_the_length_announced()
    {
        var format = new KeyFormat(ordered: false, zeroPadding: 30);
        Span<byte> key = new byte[format.MaxKeyBytes];
        Assert.Equal(34, format.Write(long.MaxValue, key));
    }

    [Fact]
    public void A_prefix_comes_before_the_name_and_tells_own_keys_from_others()
    {
        var format = new KeyFormat(ordered: true, zeroPadding: 1, prefix: "ab12:");
        Assert.Equal("ab12:user7", format.Text(7));
        Assert.Equal(29, format.MaxKeyBytes);
        Assert.True(format.IsOwn("ab12:user9"u8));
        Assert.False(format.IsOwn("ab13:user7"u8));
        Assert.False(format.IsOwn("ab1"u8));
        Assert.True(new KeyFormat(ordered: true, zeroPadding: 1).IsOwn("anything"u8));
        var longest = new KeyFormat(ordered: true, KeyFormat.MaxZeroPadding, new string('p', KeyFormat.MaxPrefixBytes));
        Assert.Equal(1024, longest.Text(1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new KeyFormat(ordered: true, 1, new string('p', KeyFormat.MaxPrefixBytes + 1)));
    }

    [Fact]
    public void The_hash_is_never_negative_for_record_numbers()
    {
        for (long number = 0; number < 10_000; number++)
        {
            Assert.True(Fnv.HashNumber(number) >= 0);
        }
    }
}
