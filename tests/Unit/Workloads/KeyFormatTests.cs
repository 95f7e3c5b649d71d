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
    public void The_hash_is_never_negative_for_record_numbers()
    {
        for (long number = 0; number < 10_000; number++)
        {
            Assert.True(Fnv.HashNumber(number) >= 0);
        }
    }
}
