namespace Testbed.Raft;

/// <summary>Last index and bytes of each append in flight; acknowledgements are cumulative.</summary>
internal struct InflightWindow(int messages, long bytesLimit)
{
    private readonly (ulong Last, int Bytes)[] _sent = new (ulong, int)[messages];
    private int _head;
    private long _bytes;

    /// <summary>Appends in flight.</summary>
    public int Count { get; private set; }

    /// <summary>True when no further append may leave.</summary>
    public readonly bool Full => Count == _sent.Length || _bytes >= bytesLimit;

    public void Add(ulong last, int bytes)
    {
        _sent[(_head + Count) % _sent.Length] = (last, bytes);
        Count++;
        _bytes += bytes;
    }

    public void Acknowledge(ulong match)
    {
        while (Count > 0 && _sent[_head].Last <= match)
        {
            _bytes -= _sent[_head].Bytes;
            _head = (_head + 1) % _sent.Length;
            Count--;
        }
    }

    public void Clear() => (_head, Count, _bytes) = (0, 0, 0);
}
