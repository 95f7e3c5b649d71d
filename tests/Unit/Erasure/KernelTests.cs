using Testbed.Erasure;
using Testbed.Erasure.Simd;

namespace Testbed.Tests.Unit.Erasure;

/// <summary>Every kernel gives what the scalar one gives, and touches nothing behind the row's end.</summary>
public sealed class KernelTests
{
    private static readonly ScalarKernel Scalar = new();

    [Fact]
    public void The_scalar_kernel_multiplies_byte_by_byte()
    {
        var input = ReedSolomonTests.Bytes(256, seed: 1);
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            var output = new byte[256];
            Scalar.Multiply((byte)coefficient, input, output);
            Assert.Equal(input.Select(b => GaloisField.Multiply((byte)coefficient, b)), output);
        }
    }

    [Fact]
    public void The_shuffle_kernel_equals_the_scalar_one_for_every_length_and_coefficient()
    {
        var kernel = new ShuffleKernel();
        var input = ReedSolomonTests.Bytes(200, seed: 2);
        var old = ReedSolomonTests.Bytes(200, seed: 3);
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            for (var length = 0; length <= 130; length++)
            {
                // Odd beginnings too: nothing is aligned.
                var row = input.AsSpan(coefficient % 7, length);
                AssertEqual((byte)coefficient, row, old, (c, i, o) => kernel.Multiply(c, i, o),
                    (c, i, o) => Scalar.Multiply(c, i, o));
                AssertEqual((byte)coefficient, row, old, (c, i, o) => kernel.MultiplyAdd(c, i, o),
                    (c, i, o) => Scalar.MultiplyAdd(c, i, o));
            }
        }
    }

    [Fact]
    public void Codes_with_either_kernel_give_the_same_elements()
    {
        foreach (var length in new[] { 0, 1, 63, 1024, 4099 })
        {
            var value = ReedSolomonTests.Bytes(length, seed: 4);
            Assert.Equal(ReedSolomonTests.Encode(new ReedSolomon(9, 6, Scalar), value),
                ReedSolomonTests.Encode(new ReedSolomon(9, 6, new ShuffleKernel()), value));
        }
    }

    private delegate void Operation(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output);

    private static void AssertEqual(byte coefficient, ReadOnlySpan<byte> input, byte[] old, Operation tested,
        Operation reference)
    {
        Span<byte> expected = stackalloc byte[200];
        Span<byte> found = stackalloc byte[200];
        old.CopyTo(expected);
        old.CopyTo(found);
        reference(coefficient, input, expected.Slice(3, input.Length));
        tested(coefficient, input, found.Slice(3, input.Length));
        if (!found.SequenceEqual(expected))
        {
            Assert.Fail($"coefficient {coefficient}, length {input.Length}");
        }
    }
}
