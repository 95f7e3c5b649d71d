using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Erasure;

/// <summary>A row of bytes by its first byte.</summary>
internal readonly ref struct RowRef(ReadOnlySpan<byte> row)
{
    public readonly ref byte First = ref MemoryMarshal.GetReference(row);
}

/// <summary>Up to <see cref="Capacity"/> rows of bytes by number, found by one load.</summary>
// The runtime lays such an array out as any other and the collector sees all its references; the language has
// just no indexer for it.
#pragma warning disable CS9184
[InlineArray(Capacity)]
internal ref struct InputRefs
#pragma warning restore CS9184
{
    /// <summary>Most rows.</summary>
    public const int Capacity = 16;

    private RowRef _first;

    /// <summary>Row 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref byte Get(int row) => ref Unsafe.Add(ref Unsafe.AsRef(in _first), row).First;

    /// <summary>Sets row 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(int row, ReadOnlySpan<byte> bytes) => Unsafe.Add(ref _first, row) = new RowRef(bytes);
}
