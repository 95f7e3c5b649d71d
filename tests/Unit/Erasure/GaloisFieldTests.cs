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
}
