using CsCheck;
using Testbed.Erasure;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Erasure;

public sealed class CodingMatrixTests
{
    [Theory]
    [InlineData(3, 2)]
    [InlineData(5, 3)]
    [InlineData(5, 2)]
    [InlineData(6, 4)]
    [InlineData(7, 4)]
    [InlineData(9, 6)]
    [InlineData(14, 10)]
    public void Any_k_rows_of_the_generator_can_be_inverted(int n, int k)
    {
        var generator = CodingMatrix.Generator(n, k);
        for (var mask = 0; mask < 1 << n; mask++)
        {
            if (int.PopCount(mask) == k)
            {
                AssertInvertible(generator, mask);
            }
        }
    }

    [Fact]
    public void Any_k_rows_of_every_small_generator_can_be_inverted()
    {
        for (var n = 1; n <= 10; n++)
        {
            for (var k = 1; k <= n; k++)
            {
                Any_k_rows_of_the_generator_can_be_inverted(n, k);
            }
        }
    }

    [Fact]
    public void Random_k_rows_of_generators_to_32_20_can_be_inverted()
    {
        Gen.Select(Gen.Int[1, 32], Gen.Int[1, 20], Gen.ULong).Sample((a, b, seed) =>
        {
            var (n, k) = (Math.Max(a, b), Math.Min(a, b));
            var random = new SplitMix64(seed);
            var mask = 0L;
            while (long.PopCount(mask) < k)
            {
                mask |= 1L << (int)random.Below(n);
            }

            AssertInvertible(CodingMatrix.Generator(n, k), mask);
        }, iter: 2000, threads: 1);
    }

    [Fact]
    public void Row_and_column_zero_of_every_parity_block_are_ones()
    {
        for (var n = 2; n <= 64; n++)
        {
            for (var k = 1; k < n; k += 7)
            {
                var block = CodingMatrix.Parity(n, k);
                for (var column = 0; column < k; column++)
                {
                    Assert.Equal(1, block[column]);
                }

                for (var row = 0; row < n - k; row++)
                {
                    Assert.Equal(1, block[row * k]);
                }
            }
        }
    }

    [Fact]
    public void A_matrix_times_its_inverse_is_the_identity_and_a_singular_one_is_noticed()
    {
        byte[] matrix = [0, 2, 3, 4, 5, 6, 7, 8, 10];
        var inverse = matrix.ToArray();
        Assert.True(CodingMatrix.TryInvert(inverse, 3));
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                var sum = 0;
                for (var i = 0; i < 3; i++)
                {
                    sum ^= GaloisField.Multiply(matrix[(row * 3) + i], inverse[(i * 3) + column]);
                }

                Assert.Equal(row == column ? 1 : 0, sum);
            }
        }

        Assert.False(CodingMatrix.TryInvert(new byte[] { 1, 2, 1, 2 }, 2));
    }

    private static void AssertInvertible(CoefficientMatrix generator, long mask)
    {
        var k = generator.Columns;
        var part = new byte[k * k];
        var row = 0;
        for (var rest = mask; rest != 0; rest &= rest - 1)
        {
            generator.Row((int)long.TrailingZeroCount(rest)).CopyTo(part.AsSpan(row++ * k));
        }

        if (!CodingMatrix.TryInvert(part, k))
        {
            Assert.Fail($"k = {k}, rows {mask:x}");
        }
    }
}
