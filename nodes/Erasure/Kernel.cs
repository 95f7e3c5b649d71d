using System.Runtime.Intrinsics;
using Testbed.Erasure.Simd;

namespace Testbed.Erasure;

/// <summary>
/// The inner loops of the codec: sums of multiples of byte rows. A kernel holds no state. Every kernel gives
/// the same bytes as <see cref="ScalarKernel"/> for every length and coefficient; the codec's tests hold it
/// to that.
/// </summary>
internal abstract class Kernel
{
    /// <summary>The kernel that codecs use unless they are given one.</summary>
    public static Kernel Default { get; } =
        Vector128.IsHardwareAccelerated ? new ShuffleKernel() : new ScalarKernel();

    /// <summary>The name that benchmarks and manifests show.</summary>
    public abstract string Name { get; }

    /// <summary>output[i] = coefficient * input[i]. Both have one length; they do not overlap.</summary>
    public abstract void Multiply(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output);

    /// <summary>output[i] ^= coefficient * input[i]. Both have one length; they do not overlap.</summary>
    public abstract void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> input, Span<byte> output);
}
