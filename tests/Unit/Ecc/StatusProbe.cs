using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>Collects what a core reports.</summary>
internal sealed class StatusProbe : IStatusSink
{
    private readonly Dictionary<string, long> _numbers = [];
    private readonly Dictionary<string, string> _texts = [];

    internal long this[string name] => _numbers[name];

    internal string TextOf(string name) => _texts[name];

    internal static StatusProbe Of(Action<IStatusSink> report)
    {
        var probe = new StatusProbe();
        report(probe);
        return probe;
    }

    public void Gauge(string name, long value) => _numbers.Add(name, value);

    public void Counter(string name, long value) => _numbers.Add(name, value);

    public void Text(string name, string value) => _texts.Add(name, value);
}
