namespace Testbed.Checker;

/// <summary>
/// Values in slots that keep their place and are used again. Grows by pieces, so that growing neither copies
/// nor leaves room for twice as many.
/// </summary>
internal sealed class SlotPool<T>
    where T : struct
{
    private const int PieceBits = 10;
    private const int PieceLength = 1 << PieceBits;

    private readonly List<T[]> _pieces = [];
    private readonly Stack<int> _free = new();
    private int _taken;

    /// <summary>Slots in use.</summary>
    public int Used => _taken - _free.Count;

    /// <summary>Bytes held.</summary>
    public long Bytes =>
        ((long)_pieces.Count * PieceLength * System.Runtime.CompilerServices.Unsafe.SizeOf<T>())
        + (sizeof(int) * (long)_free.Count);

    /// <summary>The value in a slot; the reference stays good while the pool grows.</summary>
    public ref T At(int slot) => ref _pieces[slot >> PieceBits][slot & (PieceLength - 1)];

    /// <summary>A slot that is free; its content is that of the last use.</summary>
    public int Take()
    {
        if (_free.TryPop(out var slot))
        {
            return slot;
        }

        if (_taken == _pieces.Count * PieceLength)
        {
            _pieces.Add(new T[PieceLength]);
        }

        return _taken++;
    }

    /// <summary>The slot is not needed any more.</summary>
    public void Release(int slot) => _free.Push(slot);
}
