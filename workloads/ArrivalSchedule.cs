namespace Testbed.Workloads;

/// <summary>How arrivals follow each other.</summary>
public enum ArrivalKind : byte
{
    /// <summary>Independent arrivals: exponential gaps.</summary>
    Poisson = 0,

    /// <summary>Equal gaps.</summary>
    Constant = 1,

    /// <summary>A rate that changes in steps; exponential gaps within each.</summary>
    Steps = 2,
}

/// <summary>A rate and how long it holds.</summary>
public readonly record struct RateStep(double RatePerSecond, double Seconds);

/// <summary>
/// Intended start times of an open loop: nanoseconds since its begin, never decreasing. Pure; not
/// thread-safe.
/// </summary>
public sealed class ArrivalSchedule
{
    private const double NanosPerSecond = 1e9;
    private readonly ArrivalKind _kind;
    private readonly SeededRandom _random;
    private readonly RateStep[] _steps;
    private double _now;
    private double _stepEnd;
    private double _gap;
    private int _step;
    private long _count;

    private ArrivalSchedule(ArrivalKind kind, RateStep[] steps, ulong seed)
    {
        foreach (var step in steps)
        {
            if (!(step.RatePerSecond > 0 && step.RatePerSecond <= 1e8) || !(step.Seconds > 0))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(steps), step,
                    "a rate must be above 0 and at most 100,000,000 per second, its time above 0");
            }
        }

        _kind = kind;
        _steps = steps;
        _random = SeededRandom.For(seed, 6);
        _gap = NanosPerSecond / steps[0].RatePerSecond;
        _stepEnd = steps[0].Seconds * NanosPerSecond;
    }

    /// <summary>Equal gaps; the first arrival is at 0.</summary>
    public static ArrivalSchedule Constant(double ratePerSecond) =>
        new(ArrivalKind.Constant, [new RateStep(ratePerSecond, double.PositiveInfinity)], 0);

    /// <summary>Exponential gaps.</summary>
    public static ArrivalSchedule Poisson(double ratePerSecond, ulong seed) =>
        new(ArrivalKind.Poisson, [new RateStep(ratePerSecond, double.PositiveInfinity)], seed);

    /// <summary>Exponential gaps at each step's rate in turn; the last one stays.</summary>
    public static ArrivalSchedule Steps(IReadOnlyList<RateStep> steps, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfZero(steps.Count);
        var all = steps.ToArray();
        all[^1] = all[^1] with { Seconds = double.PositiveInfinity };
        return new ArrivalSchedule(ArrivalKind.Steps, all, seed);
    }

    /// <summary>The next intended start.</summary>
    public long NextNanos()
    {
        if (_kind == ArrivalKind.Constant)
        {
            // From the count, not from the last one: rounding must not add up.
            return (long)(_count++ * _gap);
        }

        _now += -StableMath.Log(1 - _random.NextUnit()) * _gap;
        while (_now >= _stepEnd)
        {
            // Exponential gaps have no memory: what reaches beyond the step is stretched by the ratio of the
            // rates.
            var beyond = (_now - _stepEnd) / _gap;
            _step++;
            _gap = NanosPerSecond / _steps[_step].RatePerSecond;
            _now = _stepEnd + (beyond * _gap);
            _stepEnd += _steps[_step].Seconds * NanosPerSecond;
        }

        return (long)_now;
    }
}
