using Testbed.Wire;

namespace Testbed.Ecc;

/// <summary>
/// Keys whose versions are kept a while for a reader that hot writers overtook. Bounded: when full, a pin is
/// not given, which costs the reader another round at most.
/// </summary>
internal sealed class PinTable
{
    internal const long PinMicros = 1_000_000;
    private const int Capacity = 256;
    private readonly (ulong Hash, EccVersion From, long ExpiresMicros)[] _pins =
        new (ulong, EccVersion, long)[Capacity];

    private int _count;

    internal void Add(ulong hash, EccVersion from, long nowMicros)
    {
        Expire(nowMicros);
        for (var i = 0; i < _count; i++)
        {
            if (_pins[i].Hash == hash)
            {
                _pins[i].ExpiresMicros = nowMicros + PinMicros;
                return;
            }
        }

        if (_count < Capacity)
        {
            _pins[_count++] = (hash, from, nowMicros + PinMicros);
        }
    }

    /// <summary>When versions from that one on must be kept: until when; 0 when not.</summary>
    internal long KeepUntil(ulong hash, EccVersion version, long nowMicros)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_pins[i].Hash == hash && version >= _pins[i].From && _pins[i].ExpiresMicros > nowMicros)
            {
                return _pins[i].ExpiresMicros;
            }
        }

        return 0;
    }

    internal void Expire(long nowMicros)
    {
        for (var i = _count - 1; i >= 0; i--)
        {
            if (_pins[i].ExpiresMicros <= nowMicros)
            {
                _pins[i] = _pins[--_count];
            }
        }
    }
}
