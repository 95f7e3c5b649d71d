namespace Testbed.Simulator;

/// <summary>
/// Makes a failing simulation smaller. Since every concern draws from streams of its own, what is left in
/// mostly goes on as before.
/// </summary>
internal sealed class Shrinker(SimulationResult failing, int mostRuns)
{
    private SimulationResult _best = failing;
    private int _left = mostRuns;

    /// <summary>The smallest failing simulation found.</summary>
    public SimulationResult Shrink()
    {
        ShrinkFaults();
        ShrinkClients();
        ShrinkOperations();
        return _best;
    }

    // Delta debugging: drop runs of faults, longer ones first.
    private void ShrinkFaults()
    {
        var kept = _best.Faults.Select(fault => fault.Number).Distinct().ToList();
        Try(_best.Options with { KeepFaults = [.. kept] });
        for (var size = kept.Count; size >= 1 && _left > 0; size /= 2)
        {
            for (var start = 0; start < kept.Count && _left > 0;)
            {
                List<int> fewer = [.. kept.Take(start), .. kept.Skip(start + size)];
                if (Try(_best.Options with { KeepFaults = fewer }))
                {
                    kept = fewer;
                }
                else
                {
                    start += size;
                }
            }
        }
    }

    private void ShrinkClients()
    {
        for (var clients = 1; clients < _best.Clients && _left > 0; clients++)
        {
            if (Try(_best.Options with { Clients = clients }))
            {
                return;
            }
        }
    }

    private void ShrinkOperations()
    {
        var high = _best.Operations.MostOfOneClient;
        for (var low = 0; low < high && _left > 0;)
        {
            var middle = (low + high) / 2;
            if (Try(_best.Options with { Operations = middle }))
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }
    }

    private bool Try(SimulationOptions options)
    {
        if (_left-- <= 0)
        {
            return false;
        }

        var result = Simulation.Run(options with { Trace = null });
        if (result.Violation is null)
        {
            return false;
        }

        _best = result;
        return true;
    }
}
