using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Writers that come too late: up to which clock of a client its versions are no more finalised for itself. What
/// somebody knows as finalised is so, whatever is fenced. Fences are kept for good, so they are few: one per client
/// that left an orphan; when there is no room for one more, the orphans of its client stay.
/// </summary>
internal sealed class FenceTable
{
    private readonly SortedDictionary<uint, ulong> _fences = [];
    private byte[] _wire = [];

    internal int Count => _fences.Count;

    /// <summary>All of them, as <see cref="EccFences"/>.</summary>
    internal ReadOnlyMemory<byte> Wire
    {
        get
        {
            if (_wire.Length == 0 && _fences.Count > 0)
            {
                _wire = new byte[_fences.Count * EccFences.EntryBytes];
                var offset = 0;
                foreach (var (client, hlc) in _fences)
                {
                    EccFences.Write(_wire.AsSpan(offset), client, hlc);
                    offset += EccFences.EntryBytes;
                }
            }

            return _wire;
        }
    }

    /// <summary>True when the writer of that version may no longer have it finalised.</summary>
    internal bool Stops(EccVersion version) => version.Rid == 0 && Holds(version.Client, version.Hlc);

    /// <summary>True when the client is fenced up to that clock.</summary>
    internal bool Holds(uint client, ulong hlc) => _fences.TryGetValue(client, out var fenced) && hlc <= fenced;

    /// <summary>True when the client can be fenced.</summary>
    internal bool HasRoomFor(uint client) => _fences.Count < EccFences.Most || _fences.ContainsKey(client);

    /// <summary>Fences a client; false when that is known, or there is no room.</summary>
    internal bool Raise(uint client, ulong hlc)
    {
        if (Holds(client, hlc) || !HasRoomFor(client))
        {
            return false;
        }

        _fences[client] = hlc;
        _wire = [];
        return true;
    }

    /// <summary>The cluster begins anew.</summary>
    internal void Clear()
    {
        _fences.Clear();
        _wire = [];
    }
}
