namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// Sums up how often the rare paths of the protocol were taken, so that a quiet pump does not pass for a
/// good one.
/// </summary>
internal sealed class PumpCoverage
{
    private readonly SortedDictionary<string, long> _counts = [];

    internal void Add(EccPump pump)
    {
        foreach (var client in pump.Clients)
        {
            var counters = client.Core.Engine.Counters;
            Count("retags", counters.Retags);
            Count("hedges", counters.Hedges);
            Count("width steps", counters.WidthSteps);
            Count("degraded reads", counters.DegradedReads);
            Count("restarts", counters.Restarts);
        }

        foreach (var node in pump.Nodes)
        {
            var status = StatusProbe.Of(node.Core!.Report);
            Count("fills", status["fills"]);
            Count("widens", status["widens"]);
            Count("adopted fins", status["adopted_fins"]);
        }
    }

    private void Count(string name, long times) => _counts[name] = _counts.GetValueOrDefault(name) + times;

    internal void AssertEverythingHappened() =>
        Assert.All(_counts, count => Assert.True(count.Value > 0, count.Key));

    public override string ToString() =>
        string.Join(", ", _counts.Select(count => $"{count.Value} {count.Key}"));
}
