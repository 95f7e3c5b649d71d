namespace Testbed.Ecc;

/// <summary>
/// A hybrid logical clock that never gives the same time twice: tags of one client are distinct (E1). Wall
/// time only makes a first guess good; safety does not depend on it.
/// </summary>
internal sealed class TagClock
{
    private ulong _issued;
    private ulong _seen;
    private ulong _wall;

    /// <summary>Takes the machine's time; a jump back is harmless.</summary>
    internal void Advance(long wallMicros) => _wall = wallMicros > 0 ? (ulong)wallMicros : 0;

    /// <summary>A version with this time exists somewhere.</summary>
    internal void See(ulong hlc) => _seen = Math.Max(_seen, hlc);

    /// <summary>A new time above everything seen and issued.</summary>
    internal ulong Next()
    {
        _issued = Math.Max(_wall, Math.Max(_seen, _issued) + 1);
        return _issued;
    }

    /// <summary>The next time of a clock that trusts the machine only (mutant).</summary>
    internal ulong NextBlind() => _issued = Math.Max(_wall, _issued + 1);
}
