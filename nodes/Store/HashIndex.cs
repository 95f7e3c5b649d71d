namespace Testbed.Store;

/// <summary>
/// References by hash in one array of 8-byte slots: 31 bits of hash, one mark, 32 bits of reference. Open
/// addressing with linear probing; slots are kept in the order of their hashes, so a search ends early and
/// growing is one ordered pass that reads no key. A slot is 0 when it is empty: no reference is 0.
/// <para>
/// A round visits every reference that is there when it begins, once. The marks tell which of them still wait:
/// their mark differs from the round's. New references have the round's mark; when the round ends all have it,
/// and the next round turns its meaning round. So outside of a round nothing waits and nothing is to be reset.
/// </para>
/// </summary>
internal sealed class HashIndex
{
    /// <summary>Hashes are below two to this power.</summary>
    public const int HashBits = 31;

    private const int FewestSlots = 64;
    private const int HashShift = 64 - HashBits;
    private const ulong Mark = 1UL << 32;

    // Slots beyond the last home place, so that a run at the end need not wrap around. When they do not
    // suffice it grows.
    private const int ExtraSlots = 64;

    private ulong[] _slots = new ulong[FewestSlots + ExtraSlots];
    private int _homes = FewestSlots;

    // The mark of references that do not wait for the round: 0 or Mark.
    private ulong _settled;

    /// <summary>References held.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the slots.</summary>
    public long AllocatedBytes => _slots.Length * (long)sizeof(ulong);

    /// <summary>
    /// The place of the first slot with this hash at or after <paramref name="place"/>; -1: none. Begin with
    /// <see cref="Home"/>; a key that differs has the same hash: go on at the next place.
    /// </summary>
    public int Find(uint hash, int place)
    {
        var slots = _slots;
        for (; place < slots.Length; place++)
        {
            var slot = slots[place];
            var found = (uint)(slot >> HashShift);
            if (found >= hash)
            {
                // An empty slot is lower than any hash but 0, which it equals.
                return found == hash && slot != 0 ? place : -1;
            }

            if (slot == 0)
            {
                return -1;
            }
        }

        return -1;
    }

    /// <summary>Where a search for the hash begins.</summary>
    public int Home(uint hash) => (int)(((ulong)hash * (uint)_homes) >> HashBits);

    /// <summary>The reference at a place.</summary>
    public uint this[int place]
    {
        get => (uint)_slots[place];
        set => _slots[place] = (_slots[place] & 0xFFFFFFFF_00000000) | value;
    }

    /// <summary>Begins a round; the one before must have ended.</summary>
    public void BeginRound() => _settled ^= Mark;

    /// <summary>Whether the reference at a place waits for the round.</summary>
    public bool Waits(int place) => ((_slots[place] ^ _settled) & Mark) != 0;

    /// <summary>Takes the reference at a place out of those that wait.</summary>
    public void Settle(int place) => _slots[place] ^= Mark;

    /// <summary>
    /// The place of the first reference at or after <paramref name="place"/> that waits; -1: none. Begin with
    /// the <see cref="Home"/> of the lowest hash that still waits.
    /// </summary>
    public int NextWaiting(int place)
    {
        for (; place < _slots.Length; place++)
        {
            if (_slots[place] != 0 && Waits(place))
            {
                return place;
            }
        }

        return -1;
    }

    /// <summary>The place of the first reference at or after <paramref name="place"/>; -1: none.</summary>
    public int NextUsed(int place)
    {
        while (place < _slots.Length && _slots[place] == 0)
        {
            place++;
        }

        return place < _slots.Length ? place : -1;
    }

    /// <summary>The hash of the reference at a place.</summary>
    public uint HashAt(int place) => (uint)(_slots[place] >> HashShift);

    /// <summary>Takes all that stand at or after a place out of those that wait.</summary>
    public void SettleFrom(int place)
    {
        while ((place = NextWaiting(place)) >= 0)
        {
            Settle(place);
        }
    }

    /// <summary>Adds a reference.</summary>
    public void Add(uint hash, uint reference)
    {
        if (Count >= _homes - (_homes >> 3))
        {
            Resize(_homes + (_homes >> 2));
        }

        while (!TryInsert(((ulong)hash << HashShift) | _settled | reference))
        {
            Resize(_homes + (_homes >> 2));
        }

        Count++;
    }

    /// <summary>Removes the reference at a place.</summary>
    public void RemoveAt(int place)
    {
        // Those behind it move up until one stands at its home.
        var end = place + 1;
        while (end < _slots.Length && _slots[end] != 0 && Home(HashAt(end)) < end)
        {
            end++;
        }

        _slots.AsSpan(place + 1, end - place - 1).CopyTo(_slots.AsSpan(place));
        _slots[end - 1] = 0;
        Count--;
        if (_homes > FewestSlots && Count < _homes >> 2)
        {
            Resize(Math.Max(FewestSlots, _homes >> 1));
        }
    }

    private bool TryInsert(ulong slot)
    {
        var place = Home((uint)(slot >> HashShift));
        while (place < _slots.Length && _slots[place] != 0 && _slots[place] <= slot)
        {
            place++;
        }

        var end = place;
        while (end < _slots.Length && _slots[end] != 0)
        {
            end++;
        }

        if (end == _slots.Length)
        {
            return false;
        }

        _slots.AsSpan(place, end - place).CopyTo(_slots.AsSpan(place + 1));
        _slots[place] = slot;
        return true;
    }

    private void Resize(int homes)
    {
        var old = _slots;
        while (!TryMove(old, homes))
        {
            homes += homes >> 3;
        }
    }

    private bool TryMove(ulong[] old, int homes)
    {
        var slots = new ulong[homes + ExtraSlots];
        var next = 0;
        foreach (var slot in old)
        {
            if (slot == 0)
            {
                continue;
            }

            var place = Math.Max(next, (int)(((slot >> HashShift) * (ulong)homes) >> HashBits));
            if (place == slots.Length)
            {
                return false;
            }

            slots[place] = slot;
            next = place + 1;
        }

        (_slots, _homes) = (slots, homes);
        return true;
    }
}
