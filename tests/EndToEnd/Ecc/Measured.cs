using System.Globalization;
using System.Text;
using Testbed.Client;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>Operations of one client one after another, and what its counters say they cost.</summary>
internal sealed class Measured
{
    private readonly IReadOnlyDictionary<string, long> _before;
    private readonly IReadOnlyDictionary<string, long> _after;
    private readonly long _valueBytes;

    private Measured(IReadOnlyList<KvResult> results, long valueBytes, IReadOnlyDictionary<string, long> before,
        IReadOnlyDictionary<string, long> after)
    {
        (Results, _valueBytes, _before, _after) = (results, valueBytes, before, after);
    }

    public IReadOnlyList<KvResult> Results { get; }

    /// <summary>How much a counter of the client has grown.</summary>
    public long this[string counter] => _after[counter] - _before[counter];

    public static byte[] Key(string name) => Encoding.ASCII.GetBytes(name);

    /// <summary>A value that only this name has.</summary>
    public static byte[] Value(string name, int bytes)
    {
        var value = new byte[bytes];
        for (var i = 0; i < bytes; i++)
        {
            value[i] = (byte)(name[i % name.Length] + (i / name.Length));
        }

        return value;
    }

    /// <summary>Writes each key's value; all must be ok.</summary>
    public static Task<Measured> PutsAsync(IKvClient client, IReadOnlyList<string> names, int valueBytes) =>
        RunAsync(client, names, valueBytes, name =>
            client.PutAsync(Key(name), Value(name, valueBytes), EccCluster.Patience));

    /// <summary>Reads each key; all must be ok and have their values.</summary>
    public static async Task<Measured> GetsAsync(IKvClient client, IReadOnlyList<string> names, int valueBytes)
    {
        var gets = await RunAsync(client, names, valueBytes, name =>
            client.GetAsync(Key(name), EccCluster.Patience));
        for (var i = 0; i < names.Count; i++)
        {
            Assert.True(gets.Results[i].Value.Span.SequenceEqual(Value(names[i], valueBytes)), names[i]);
        }

        return gets;
    }

    /// <summary>A row of the failure table.</summary>
    public string Row(string failure, string operation, string stored = "")
    {
        var widths = Enumerable.Range(1, EccCluster.DataElements).Where(w => this[$"puts_of_width_{w}"] > 0);
        var rounds = Results.Select(result => result.Rounds).Distinct().Order();
        return string.Create(CultureInfo.InvariantCulture,
            $"| {failure} | {operation} | {string.Join(", ", rounds)} | {string.Join(", ", widths)} | "
            + $"{PerValueByte("operation_tx_bytes"):F2} | {PerValueByte("operation_rx_bytes"):F2} | {stored} |");
    }

    private double PerValueByte(string counter) => (double)this[counter] / (Results.Count * _valueBytes);

    private static async Task<Measured> RunAsync(
        IKvClient client, IReadOnlyList<string> names, int valueBytes, Func<string, Task<KvResult>> operation)
    {
        var before = client.Counters();
        var results = new List<KvResult>();
        foreach (var name in names)
        {
            results.Add(await operation(name));
            Assert.Equal((Outcome.Ok, null), (results[^1].Outcome, results[^1].Reason));
        }

        return new Measured(results, valueBytes, before, client.Counters());
    }
}
