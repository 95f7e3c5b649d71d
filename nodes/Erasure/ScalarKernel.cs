using System.Runtime.InteropServices;

namespace Testbed.Erasure;

/// <summary>One table look-up per byte: the reference every other kernel is compared with.</summary>
internal sealed class ScalarKernel : Kernel
{
    /// <inheritdoc/>
    public override string Name => "scalar";

    /// <inheritdoc/>
    public override void Multiply(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output)
    {
        output = output[..input.Length];
        switch (coefficient)
        {
            case 0:
                output.Clear();
                return;
            case 1:
                input.CopyTo(output);
                return;
        }

        var row = GaloisField.Row(coefficient);
        for (var i = 0; i < input.Length; i++)
        {
            output[i] = row[input[i]];
        }
    }

    /// <inheritdoc/>
    public override void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output)
    {
        output = output[..input.Length];
        switch (coefficient)
        {
            case 0:
                return;
            case 1:
                Add(input, output);
                return;
        }

        var row = GaloisField.Row(coefficient);
        for (var i = 0; i < input.Length; i++)
        {
            output[i] ^= row[input[i]];
        }
    }

    // Eight bytes at a time: XOR does not care for the order of bytes in a word.
    private static void Add(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var source = MemoryMarshal.Cast<byte, ulong>(input);
        var words = MemoryMarshal.Cast<byte, ulong>(output);
        for (var i = 0; i < words.Length; i++)
        {
            words[i] ^= source[i];
        }

        for (var i = words.Length * sizeof(ulong); i < input.Length; i++)
        {
            output[i] ^= input[i];
        }
    }
}
