using System.Runtime.InteropServices;
using CsCheck;
using Testbed.Erasure;
using Testbed.Erasure.Simd;

namespace Testbed.Tests.Unit.Erasure;

/// <summary>Every kernel gives what the scalar one gives, and touches nothing outside its rows.</summary>
public sealed class KernelTests
{
    private const byte Canary = 0xC5;

    public static TheoryData<string> Names { get; } = [.. Kernel.Names];

    [Fact]
    public void The_portable_kernel_multiplies_byte_by_byte()
    {
        var input = ReedSolomonTests.Bytes(256, seed: 1);
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            var output = new byte[256];
            Run(ScalarKernel.Instance, 1, [(byte)coefficient], [input], [output], 256, TileKind.Set);
            Assert.Equal(input.Select(b => GaloisField.MultiplySlowly((byte)coefficient, b)), output);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tile_of_every_shape_and_kind_equals_its_scalar_twin(string name)
    {
        var kernel = Take(name);
        for (var rows = 1; rows <= TileRefs.MostRows; rows++)
        {
            foreach (var columns in new[] { 1, 2, 3, 4, 5, 6, TileRefs.MostColumns })
            {
                foreach (var kind in Enum.GetValues<TileKind>())
                {
                    for (var bytes = Math.Max(1, kernel.VectorBytes); bytes <= (6 * kernel.VectorBytes) + 3; bytes++)
                    {
                        AssertTile(kernel, rows, columns, kind, bytes);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_coefficient_multiplies_every_byte(string name)
    {
        var kernel = Take(name);
        var input = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            var output = new byte[256];
            Run(kernel, 1, [(byte)coefficient], [input], [output], 256, TileKind.Set);
            Assert.Equal(GaloisField.Row((byte)coefficient).ToArray(), output);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_length_to_4096_gives_the_same_elements(string name)
    {
        var kernel = Take(name);
        foreach (var (n, k) in new[] { (3, 2), (5, 3), (9, 6), (14, 10) })
        {
            var (tested, twin) = (new ReedSolomon(n, k, kernel), new ReedSolomon(n, k, ScalarKernel.Instance));
            var value = ReedSolomonTests.Bytes(4096, seed: (ulong)n);
            for (var length = 0; length <= 4096; length += kernel == ScalarKernel.Instance ? 97 : 1)
            {
                AssertSameElements(tested, twin, value.AsSpan(4096 - length));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_geometry_to_32_20_gives_the_same_elements_and_decodes(string name)
    {
        var kernel = Take(name);
        for (var k = 1; k <= 20; k++)
        {
            for (var n = k; n <= Math.Min(32, k + 12); n++)
            {
                var tested = new ReedSolomon(n, k, kernel);
                var twin = new ReedSolomon(n, k, ScalarKernel.Instance);
                foreach (var length in new[] { 1, k, (17 * k) - 1, 97 * k, (130 * k) + 1 })
                {
                    var value = ReedSolomonTests.Bytes(length, seed: (ulong)((n * 100) + k));
                    var elements = AssertSameElements(tested, twin, value);
                    AssertDecodesFromTheLast(tested, elements, value);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Large_and_random_lengths_give_the_same_elements_and_decode(string name)
    {
        var kernel = Take(name);
        Gen.Select(Gen.Int[1, 32], Gen.Int[1, 20], Gen.Int[4097, 300_000], Gen.ULong)
            .Sample((a, b, length, seed) =>
            {
                var (n, k) = (Math.Max(a, b), Math.Min(a, b));
                var tested = new ReedSolomon(n, k, kernel);
                var value = ReedSolomonTests.Bytes(length, seed);
                var elements = AssertSameElements(tested, new ReedSolomon(n, k, ScalarKernel.Instance), value);
                AssertDecodesFromTheLast(tested, elements, value);
            }, iter: 12, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Buffers_that_end_before_a_page_without_access_are_enough(string name)
    {
        var kernel = Take(name);
        Assert.SkipUnless(GuardedPages.IsSupported, "skipped: guard pages are made with mmap of 64-bit Linux");
        foreach (var (n, k) in new[] { (3, 2), (5, 3), (9, 6) })
        {
            using var pages = new GuardedPages(n + k);
            var code = new ReedSolomon(n, k, kernel);
            var twin = new ReedSolomon(n, k, ScalarKernel.Instance);
            for (var bytes = 1; bytes <= 300; bytes++)
            {
                var value = ReedSolomonTests.Bytes(bytes * k, seed: (ulong)bytes);
                var expected = ReedSolomonTests.Encode(twin, value);
                foreach (var atEnd in new[] { true, false })
                {
                    var elements = Enumerable.Range(0, n).Select(i => pages.Slice(i, bytes, atEnd)).ToArray();
                    code.EncodeAll(value, elements);
                    Assert.All(elements, (element, i) => Assert.Equal(expected[i], element.ToArray()));

                    // Data element 0 again, from guarded sources to a guarded target.
                    var sources = elements.Skip(n - k).Select(e => (ReadOnlyMemory<byte>)e).ToArray();
                    var indices = Enumerable.Range(n - k, k).Select(i => (byte)i).ToArray();
                    var rebuilt = pages.Slice(n, bytes, atEnd);
                    rebuilt.Span.Clear();
                    code.Rebuild(indices, sources, 0, rebuilt.Span);
                    Assert.Equal(expected[0], rebuilt.ToArray());
                }
            }
        }
    }

    [Fact]
    public void References_to_inputs_follow_arrays_that_the_collector_moves()
    {
        TileRefs refs = default;
        var rows = new byte[TileRefs.MostColumns][];
        for (var i = 0; i < rows.Length; i++)
        {
            // Garbage between the rows, so that they move when it goes.
            _ = new byte[1000];
            rows[i] = [0, (byte)(i + 1)];
            refs.SetInput(i, ref rows[i][1]);
        }

        GC.Collect(0, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        for (var i = 0; i < rows.Length; i++)
        {
            refs.Input(i) += 100;
            Assert.Equal(i + 101, rows[i][1]);
        }
    }

    [Fact]
    public void A_kernel_is_found_by_name_and_a_wrong_name_says_what_there_is()
    {
        Assert.Same(Kernel.Default, Kernel.Named(null));
        Assert.Same(Kernel.Default, Kernel.Named(""));
        Assert.All(Kernel.Available, kernel => Assert.Same(kernel, Kernel.Named(kernel.Name)));
        Assert.All(Kernel.Available, kernel => Assert.Contains(kernel.Name, Kernel.Names));
        Assert.Equal("portable", Kernel.Available[^1].Name);
        Assert.Contains("portable", Assert.Throws<ArgumentException>(() => Kernel.Named("mmx")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Look_ups_of_128_bits_equal_the_table_without_hardware_too()
    {
        // What TBL does is written out here; the other lanes' source is the same for every processor.
        for (var coefficient = 0; coefficient < 256; coefficient++)
        {
            var tables = MemoryMarshal.CreateReadOnlySpan(ref ShuffleTables.Of((byte)coefficient), 64);
            for (var x = 0; x < 256; x++)
            {
                Assert.Equal(GaloisField.Multiply((byte)coefficient, (byte)x),
                    tables[x & 15] ^ tables[ShuffleTables.Upper + (x >> 4)]);
            }
        }
    }

    private static Kernel Take(string name)
    {
        Assert.SkipUnless(Kernel.Available.Any(kernel => kernel.Name == name),
            $"skipped: this processor cannot run the kernel {name}");
        return Kernel.Named(name);
    }

    private static void AssertTile(Kernel kernel, int rows, int columns, TileKind kind, int bytes)
    {
        // Odd beginnings: nothing is aligned.
        var seed = (ulong)((rows * 1000) + (columns * 100) + bytes);
        var inputs = Enumerable.Range(0, columns)
            .Select(i => ReedSolomonTests.Bytes(bytes, seed + (ulong)i)).ToArray();
        var coefficients = ReedSolomonTests.Bytes(rows * columns, seed + 50);
        if (kind is TileKind.SetOnes or TileKind.AddOnes)
        {
            coefficients.AsSpan(0, columns).Fill(1);
        }

        for (var row = 0; row < rows && kind == TileKind.SetOnes; row++)
        {
            coefficients[row * columns] = 1;
        }

        var old = ReedSolomonTests.Bytes(bytes, seed + 99);
        byte[][] expected = [.. Enumerable.Range(0, rows).Select(_ => old.ToArray())];
        byte[][] found = [.. Enumerable.Range(0, rows).Select(row => Guarded(old, 1 + row))];
        Run(ScalarKernel.Instance, columns, coefficients, inputs, expected, bytes, kind);
        Run(kernel, columns, coefficients, [.. inputs.Select((row, i) => Guarded(row, 1 + i))], found, bytes, kind,
            isGuarded: true);
        for (var row = 0; row < rows; row++)
        {
            if (!found[row].AsSpan().SequenceEqual(Guarded(expected[row], 1 + row)))
            {
                Assert.Fail($"{kernel.Name}, {rows} x {columns}, {kind}, {bytes} B, row {row}");
            }
        }
    }

    // A row from that offset on, between canaries.
    private static byte[] Guarded(byte[] row, int offset)
    {
        var guarded = new byte[row.Length + offset + 64];
        guarded.AsSpan().Fill(Canary);
        row.CopyTo(guarded, offset);
        return guarded;
    }

    private static void Run(Kernel kernel, int columns, byte[] coefficients, byte[][] inputs, byte[][] outputs,
        int bytes, TileKind kind, bool isGuarded = false)
    {
        var rows = outputs.Length;
        var offset = isGuarded ? 1 : 0;
        TileRefs refs = default;
        for (var row = 0; row < rows; row++)
        {
            refs.SetRow(row, ref outputs[row][isGuarded ? offset + row : 0], ref coefficients[row * columns]);
        }

        for (var column = 0; column < columns; column++)
        {
            refs.SetInput(column, ref inputs[column][isGuarded ? offset + column : 0]);
        }

        kernel.Tile(new TileShape(rows, columns, kind), refs, 0, (nuint)bytes);
    }

    private static byte[][] AssertSameElements(ReedSolomon tested, ReedSolomon twin, ReadOnlySpan<byte> value)
    {
        var copy = value.ToArray();
        var expected = ReedSolomonTests.Encode(twin, copy);
        var found = ReedSolomonTests.Encode(tested, copy);
        var parity = new Memory<byte>[tested.Elements - tested.DataElements];
        for (var i = 0; i < parity.Length; i++)
        {
            parity[i] = Guarded(new byte[expected[0].Length], 3).AsMemory(3, expected[0].Length);
        }

        tested.EncodeParity(copy, parity);
        for (var i = 0; i < expected.Length; i++)
        {
            var isParity = i >= tested.DataElements;
            if (!found[i].AsSpan().SequenceEqual(expected[i])
                || (isParity && !parity[i - tested.DataElements].Span.SequenceEqual(expected[i])))
            {
                Assert.Fail($"{tested.KernelName}, ({tested.Elements},{tested.DataElements}), "
                    + $"{value.Length} B, element {i}");
            }
        }

        return expected;
    }

    private static void AssertDecodesFromTheLast(ReedSolomon code, byte[][] elements, byte[] value)
    {
        var first = code.Elements - code.DataElements;
        var indices = Enumerable.Range(first, code.DataElements).Select(i => (byte)i).ToArray();
        var decoded = new byte[value.Length];
        code.Decode(indices, [.. indices.Select(i => (ReadOnlyMemory<byte>)elements[i])], decoded);
        if (!decoded.AsSpan().SequenceEqual(value))
        {
            Assert.Fail($"{code.KernelName}, ({code.Elements},{code.DataElements}), {value.Length} B");
        }
    }
}
