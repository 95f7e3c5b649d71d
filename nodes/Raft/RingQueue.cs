using System.Numerics;

namespace Testbed.Raft;

/// <summary>
/// A double-ended queue in one array that doubles when full; its users bound the number of items.
/// </summary>
internal sealed class RingQueue<T>(int capacity = 16)
{
    private T[] _items = new T[int.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)capacity))];
    private int _head;

    /// <summary>Number of items.</summary>
    public int Count { get; private set; }

    /// <summary>Items that fit before it grows.</summary>
    public int Capacity => _items.Length;

    /// <summary>The item at a distance from the front.</summary>
    public ref T this[int distance] => ref _items[(_head + distance) & (_items.Length - 1)];

    /// <summary>Adds at the back; the slot is written by the caller.</summary>
    public ref T Add()
    {
        if (Count == _items.Length)
        {
            Grow();
        }

        Count++;
        return ref this[Count - 1];
    }

    /// <summary>Takes items off the front; what they refer to is released.</summary>
    public void RemoveFront(int count = 1)
    {
        for (; count > 0; count--)
        {
            _items[_head] = default!;
            _head = (_head + 1) & (_items.Length - 1);
            Count--;
        }
    }

    /// <summary>Takes the last item off; what it refers to is released.</summary>
    public void RemoveBack()
    {
        this[Count - 1] = default!;
        Count--;
    }

    private void Grow()
    {
        var larger = new T[_items.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = this[i];
        }

        _items = larger;
        _head = 0;
    }
}
