using System.Globalization;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>A core's figures by name.</summary>
internal sealed class PumpFigures : IStatusSink
{
    private readonly SortedDictionary<string, string> _figures = new(StringComparer.Ordinal);

    public string this[string name] => _figures[name];

    public void Gauge(string name, long value) => _figures[name] = value.ToString(CultureInfo.InvariantCulture);

    public void Counter(string name, long value) => _figures[name] = value.ToString(CultureInfo.InvariantCulture);

    public void Text(string name, string value) => _figures[name] = value;

    public override string ToString() => string.Join(", ", _figures.Select(f => $"{f.Key}={f.Value}"));
}
