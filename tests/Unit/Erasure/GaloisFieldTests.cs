using Testbed.Erasure;

namespace Testbed.Tests.Unit.Erasure;

public sealed class GaloisFieldTests
{
    [Fact]
    public void Tables_agree_with_shift_and_reduce()
    {
        for (var a = 0; a < 256; a++)
        {
            for (var b = 0; b < 256; b++)
            {
                Assert.Equal(GaloisField.MultiplySlowly((byte)a, (byte)b),
                    GaloisField.Multiply((byte)a, (byte)b));
            }
        }
    }

    [Fact]
    public void Multiplication_commutes_associates_and_distributes_over_addition()
    {
        for (var a = 0; a < 256; a++)
        {
            for (var b = 0; b < 256; b++)
            {
                var ab = GaloisField.Multiply((byte)a, (byte)b);
                Assert.Equal(ab, GaloisField.Multiply((byte)b, (byte)a));
                for (var c = 0; c < 256; c += 3)
                {
                    var bc = GaloisField.Multiply((byte)b, (byte)c);
                    if (GaloisField.Multiply(ab, (byte)c) != GaloisField.Multiply((byte)a, bc)
                        || GaloisField.Multiply((byte)a, (byte)(b ^ c))
                        != (ab ^ GaloisField.Multiply((byte)a, (byte)c)))
                    {
                        Assert.Fail($"{a} {b} {c}");
                    }
                }
            }
        }
    }

    [Fact]
    public void One_is_neutral_zero_absorbs_and_every_other_element_has_an_inverse()
    {
        for (var a = 0; a < 256; a++)
        {
            Assert.Equal(a, GaloisField.Multiply((byte)a, 1));
            Assert.Equal(0, GaloisField.Multiply((byte)a, 0));
            if (a != 0)
            {
                Assert.Equal(1, GaloisField.Multiply((byte)a, GaloisField.Inverse((byte)a)));
                Assert.Equal(a, GaloisField.Divide(GaloisField.Multiply((byte)a, 77), 77));
            }
        }

        Assert.Throws<DivideByZeroException>(() => GaloisField.Inverse(0));
    }

    [Fact]
    public void Two_generates_all_elements_but_zero()
    {
        var seen = new HashSet<byte>();
        byte power = 1;
        for (var i = 0; i < 255; i++)
        {
            seen.Add(power);
            power = GaloisField.Multiply(power, 2);
        }

        Assert.Equal((255, 1), (seen.Count, power));
    }

    [Fact]
    public void Row_and_column_zero_of_every_parity_block_are_ones()
    {
        for (var n = 2; n <= 255; n += 11)
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
}
