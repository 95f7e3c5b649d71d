using System.Collections.Concurrent;
using System.Text;
using Testbed.Benchmarks.Support;
using Testbed.Store;

namespace Testbed.Benchmarks.Stores;

/// <summary>
/// The dictionary one would write first: text to bytes. It keeps no header, so it could not serve a node.
/// </summary>
internal sealed class StringsSubject : StoreSubject
{
    private readonly ConcurrentDictionary<string, byte[]> _entries = new(1, 31);

    public override string Name => "dictionary, string -> byte[]";

    public override void Put(long number, in RecordHeader header, ReadOnlySpan<byte> payload) =>
        _entries[Text(number)] = payload.ToArray();

    public override int Get(long number) =>
        _entries.TryGetValue(Text(number), out var payload) ? payload.Length : -1;

    private string Text(long number)
    {
        BenchmarkData.Key(Key, number);
        return Encoding.Latin1.GetString(Key);
    }
}
