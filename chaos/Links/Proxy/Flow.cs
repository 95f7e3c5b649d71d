using System.Net.Sockets;

namespace Testbed.Links;

/// <summary>Totals of one direction of one link, over all its connections.</summary>
internal sealed class FlowTotals
{
    private long _bytes;

    /// <summary>Bytes handed on.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Counts bytes that are handed on.</summary>
    public void Add(int bytes) => Interlocked.Add(ref _bytes, bytes);
}

/// <summary>One direction of one connection.</summary>
internal sealed class Flow(int pair, FlowTotals totals)
{
    private volatile bool _isHeld;
    private volatile int _heldBytes;

    /// <summary>Number of the pair (source, sink) on the board.</summary>
    public int Pair { get; } = pair;

    /// <summary>Totals of the link.</summary>
    public FlowTotals Totals { get; } = totals;

    /// <summary>Where bytes come from; null until the connection is made.</summary>
    public Socket? Source { get; set; }

    /// <summary>Where they go; null until the connection is made.</summary>
    public Socket? Sink { get; set; }

    /// <summary>True while a rule keeps this flow from going on.</summary>
    public bool IsHeld => _isHeld;

    /// <summary>A rule holds these bytes, which were read already.</summary>
    public void Hold(int bytes)
    {
        _heldBytes = bytes;
        _isHeld = true;
    }

    /// <summary>The flow goes on.</summary>
    public void Release()
    {
        _isHeld = false;
        _heldBytes = 0;
    }

    /// <summary>
    /// Bytes known to wait: those in hand and those the kernel has taken in. What waits at the sender is not
    /// seen from here, so it is a lower bound.
    /// </summary>
    public long WaitingBytes()
    {
        if (!_isHeld)
        {
            return 0;
        }

        try
        {
            return _heldBytes + (Source?.Available ?? 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return _heldBytes;
        }
    }
}
