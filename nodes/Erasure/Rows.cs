using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure;

/// <summary>Rows of bytes by number, wherever they lie; a row begins at the reference.</summary>
internal interface IRows
{
    ref byte this[int row] { get; }
}

/// <summary>Slices of one buffer, one every <paramref name="stride"/> bytes.</summary>
internal readonly ref struct SliceRows(ReadOnlySpan<byte> buffer, int stride) : IRows
{
    private readonly ref byte _first = ref MemoryMarshal.GetReference(buffer);

    public ref byte this[int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref Unsafe.Add(ref _first, (nint)row * stride);
    }
}

/// <summary>Those slices of one buffer that <paramref name="chosen"/> names.</summary>
internal readonly ref struct ChosenSlices(ReadOnlySpan<byte> buffer, int stride, ReadOnlySpan<byte> chosen) : IRows
{
    private readonly SliceRows _slices = new(buffer, stride);
    private readonly ReadOnlySpan<byte> _chosen = chosen;

    public ref byte this[int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _slices[_chosen[row]];
    }
}

/// <summary>A buffer for each row.</summary>
internal readonly ref struct BufferRows(ReadOnlySpan<Memory<byte>> buffers) : IRows
{
    private readonly ReadOnlySpan<Memory<byte>> _buffers = buffers;

    public ref byte this[int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref MemoryMarshal.GetReference(_buffers[row].Span);
    }
}

/// <summary>Those elements whose places in the caller's list <paramref name="order"/> names.</summary>
internal readonly ref struct SourceRows(ReadOnlySpan<ReadOnlyMemory<byte>> elements, ReadOnlySpan<byte> order) : IRows
{
    private readonly ReadOnlySpan<ReadOnlyMemory<byte>> _elements = elements;
    private readonly ReadOnlySpan<byte> _order = order;

    public ref byte this[int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref MemoryMarshal.GetReference(_elements[_order[row]].Span);
    }
}
