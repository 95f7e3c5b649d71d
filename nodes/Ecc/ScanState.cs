using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>What a scan has gathered so far.</summary>
internal sealed class ScanState(int nodes)
{
    /// <summary>Entries not yet walked, per node that answered this page.</summary>
    internal readonly ReadOnlyMemory<byte>[] Rest = new ReadOnlyMemory<byte>[nodes];

    /// <summary>The entry at the front of each node's answer.</summary>
    internal readonly EccScanEntry[] Front = new EccScanEntry[nodes];

    /// <summary>Nodes with an entry in <see cref="Front"/>.</summary>
    internal uint HasFront;

    /// <summary>Nodes that answered this page.</summary>
    internal uint Replied;

    /// <summary>Nodes that answered this page and have more keys.</summary>
    internal uint Truncated;

    /// <summary>First key of the page.</summary>
    internal ReadOnlyMemory<byte> Start;

    /// <summary>True when the page begins behind <see cref="Start"/>.</summary>
    internal bool AfterStart;

    /// <summary>True once a page showed that there is nothing behind it.</summary>
    internal bool AtEnd;

    /// <summary>Nodes asked first, who share the elements among them.</summary>
    internal uint NodeMask;

    /// <summary>Keys of this page, in order; the value is missing where a get has to find it.</summary>
    internal readonly List<KvEntry> Page = [];

    /// <summary>Per key of the page: 0 get not begun, 1 get under way, 2 present, 3 absent.</summary>
    internal readonly List<byte> PageStates = [];

    /// <summary>Gets not ended yet.</summary>
    internal int Unresolved;

    /// <summary>First position of the page that may still need a get.</summary>
    internal int NextGet;

    /// <summary>Present keys of earlier pages.</summary>
    internal List<KvEntry> Result = [];

    internal bool Degraded;

    internal void ClearPage()
    {
        Array.Clear(Rest);
        Array.Clear(Front);
        HasFront = Replied = Truncated = 0;
        Page.Clear();
        PageStates.Clear();
        Unresolved = NextGet = 0;
    }

    internal void Clear()
    {
        ClearPage();
        Start = default;
        AfterStart = AtEnd = Degraded = false;
        Result = [];
    }

    /// <summary>Drops a node's answer (rule CV).</summary>
    internal void Void(int node)
    {
        var bit = 1u << node;
        Replied &= ~bit;
        Truncated &= ~bit;
        Rest[node] = default;
    }
}
