using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>
/// The clock one process sees: its own beginning, a rate of its own, and a wall clock that may be wrong and
/// may jump.
/// </summary>
internal sealed class SimClock
{
    private const long WallBaseMicros = 1_700_000_000_000_000;
    private const long Million = 1_000_000;

    private long _sinceMicros;
    private long _localMicros;
    private long _wallOffsetMicros;
    private long _ratePpm;

    /// <summary>A clock.</summary>
    public SimClock(long startMicros, long wallOffsetMicros, long ratePpm)
    {
        _localMicros = startMicros;
        _wallOffsetMicros = wallOffsetMicros;
        _ratePpm = ratePpm;
    }

    /// <summary>What the process sees at a moment of virtual time; times asked for never decrease.</summary>
    public CoreTime At(long nowMicros)
    {
        var local = _localMicros + (nowMicros - _sinceMicros)
            + ((nowMicros - _sinceMicros) * _ratePpm / Million);
        return new CoreTime(local, WallBaseMicros + local + _wallOffsetMicros);
    }

    /// <summary>The wall clock jumps.</summary>
    public void Jump(long micros) => _wallOffsetMicros += micros;

    /// <summary>The clock runs that much faster than virtual time from now on.</summary>
    public void SetRate(long nowMicros, long ppm)
    {
        _localMicros = At(nowMicros).MonotonicMicros;
        _sinceMicros = nowMicros;
        _ratePpm = ppm;
    }
}
