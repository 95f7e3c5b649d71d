using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>Where a node would vote if it started from what is durable on its disk.</summary>
internal sealed class DiskStanding
{
    private const int Words = Readiness.Slots / 64;
    private readonly ulong[] _slots = new ulong[Words];
    private bool _isWhole = true;

    /// <summary>The disk is empty, and its node had voted.</summary>
    public void Wiped()
    {
        _isWhole = false;
        Array.Clear(_slots);
    }

    /// <summary>Takes a record about the node itself; false when it is about keys.</summary>
    public bool Takes(byte type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case ReplicaRecords.Identity:
                // Lives, standing, rejoins, incarnation, nonce, then a bit per slot.
                _isWhole = payload[8] == (byte)EccStanding.Ready;
                for (var word = 0; word < Words; word++)
                {
                    _slots[word] = BitConverter.ToUInt64(payload[(22 + (8 * word))..]);
                }

                return true;
            case ReplicaRecords.SlotReady:
                _slots[payload[0] >> 6] |= 1UL << (payload[0] & 63);
                return true;
            case ReplicaRecords.Life or ReplicaRecords.Known or ReplicaRecords.Fence:
                return true;
            default:
                return false;
        }
    }

    /// <summary>Whether the node would vote about a key with that hash.</summary>
    public bool Votes(ulong hash)
    {
        var slot = EccSlotScan.SlotOf(hash);
        return _isWhole || (_slots[slot >> 6] & (1UL << (slot & 63))) != 0;
    }
}
