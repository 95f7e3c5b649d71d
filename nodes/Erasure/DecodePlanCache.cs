using System.Runtime.CompilerServices;

namespace Testbed.Erasure;

/// <summary>
/// The plans used last, by the set of sources (a bit for each). Bounded: the oldest plan makes room for a new one.
/// </summary>
internal sealed class DecodePlanCache(ReedSolomon code)
{
    /// <summary>
    /// Most plans kept. Every pattern of the geometries up to (9,6) fits; larger codes see few at a time.
    /// </summary>
    public const int Capacity = 128;

    private readonly Dictionary<ulong, DecodePlan> _plans = [];
    private readonly ulong[] _order = new ulong[Capacity];
    private int _next;
    private ulong _lastSet;
    private DecodePlan? _last;

    /// <summary>Plans held now.</summary>
    public int Count => _plans.Count;

    /// <summary>The plan of the k sources whose bits are set in <paramref name="set"/>.</summary>
    public DecodePlan Get(ulong set)
    {
        // The same nodes stay away for a while, so the next pattern is mostly the last one.
        if (_last is not null && set == _lastSet)
        {
            return _last;
        }

        return Find(set);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DecodePlan Find(ulong set)
    {
        if (!_plans.TryGetValue(set, out var plan))
        {
            plan = new DecodePlan(code, set);
            if (_plans.Count == Capacity)
            {
                _plans.Remove(_order[_next]);
            }

            _plans.Add(set, plan);
            _order[_next] = set;
            _next = (_next + 1) % Capacity;
        }

        _lastSet = set;
        return _last = plan;
    }
}
