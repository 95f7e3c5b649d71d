using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Testbed.Erasure.Simd;

namespace Testbed.Erasure;

/// <summary>
/// The inner loop of the codec for one kind of processor: sums of multiples of byte rows. A kernel holds no
/// state. All kernels give the same bytes; the tests hold them to that.
/// </summary>
public abstract class Kernel
{
    private protected Kernel(int vectorBytes) => VectorBytes = vectorBytes;

    /// <summary>Every name that some processor knows, the fastest kernel first.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["gfni512", "gfni256", "avx2", "ssse3", "advsimd", "portable"];

    /// <summary>The kernels this processor can run, the fastest first.</summary>
    public static IReadOnlyList<Kernel> Available { get; } = FindAvailable();

    /// <summary>The kernel that codecs use unless they are given one: the fastest.</summary>
    public static Kernel Default => Available[0];

    /// <summary>The name that options, benchmarks and manifests show.</summary>
    public abstract string Name { get; }

    /// <summary>The least bytes <see cref="Tile"/> can be given.</summary>
    internal int VectorBytes { get; }

    /// <summary>The kernel for rows shorter than a vector; <see cref="ScalarKernel"/> takes any.</summary>
    internal abstract Kernel Narrower { get; }

    /// <summary>
    /// The kernel of that name (null or empty: the fastest). Throws <see cref="ArgumentException"/> with one
    /// line for a name that nobody knows or this processor cannot run.
    /// </summary>
    public static Kernel Named(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return Default;
        }

        foreach (var kernel in Available)
        {
            if (kernel.Name == name)
            {
                return kernel;
            }
        }

        throw new ArgumentException($"no kernel '{name}' here: this processor has "
            + string.Join(", ", Available.Select(kernel => kernel.Name)));
    }

    /// <summary>
    /// outputs[r] = (outputs[r] +) sum over c of coefficients[r][c] * inputs[c], for the bytes from <paramref
    /// name="begin"/> to <paramref name="end"/> of each. Outputs overlap neither each other nor an input.
    /// </summary>
    internal abstract void Tile(TileShape shape, in TileRefs refs, nuint begin, nuint end);

    private static List<Kernel> FindAvailable()
    {
        var found = new List<Kernel>();
        if (Gfni.V512.IsSupported)
        {
            found.Add(new VectorKernel<GfniLanes512, Vector512<byte>, Vector512<byte>>());
        }

        if (Gfni.V256.IsSupported && Avx2.IsSupported)
        {
            found.Add(new VectorKernel<GfniLanes256, Vector256<byte>, Vector256<byte>>());
        }

        if (Avx2.IsSupported)
        {
            found.Add(new VectorKernel<ShuffleLanes256, Vector256<byte>, ShuffleLanes256.Tables>());
        }

        if (Ssse3.IsSupported || AdvSimd.Arm64.IsSupported)
        {
            found.Add(new VectorKernel<ShuffleLanes128, Vector128<byte>, ShuffleLanes128.Tables>());
        }

        found.Add(ScalarKernel.Instance);
        return found;
    }
}
