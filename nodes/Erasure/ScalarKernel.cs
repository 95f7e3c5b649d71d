using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// One table look-up per byte, on any processor and for any number of bytes: the twin every other kernel is
/// compared with, and the one that takes rows too short for vectors.
/// </summary>
internal sealed class ScalarKernel : Kernel
{
    private ScalarKernel()
        : base(vectorBytes: 0)
    {
    }

    public static ScalarKernel Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "portable";

    internal override Kernel Narrower => this;

    internal override void Tile(TileShape shape, in TileRefs refs, nuint begin, nuint end)
    {
        for (var row = 0; row < shape.Rows; row++)
        {
            ref var output = ref refs.Output(row);
            for (var column = 0; column < shape.Columns; column++)
            {
                var coefficient = Unsafe.Add(ref refs.Cells(row), column);
                var isAdded = column > 0 || shape.Kind >= TileKind.Add;
                Multiply(coefficient, ref refs.Input(column), ref output, begin, end, isAdded);
            }
        }
    }

    private static void Multiply(byte coefficient, ref byte input, ref byte output, nuint begin,
        nuint end, bool isAdded)
    {
        var products = GaloisField.Row(coefficient);
        for (var i = begin; i < end; i++)
        {
            var product = products[Unsafe.Add(ref input, i)];
            ref var target = ref Unsafe.Add(ref output, i);
            target = isAdded ? (byte)(target ^ product) : product;
        }
    }
}
