using System.Globalization;

namespace Testbed.Harness.Clusters.Links;

/// <summary>What has become of the bytes of a pair, or of several pairs together.</summary>
/// <param name="Bytes">Handed on so far.</param>
/// <param name="WaitingBytes">Held back now; at least, the proxy does not see what waits at the sender.</param>
/// <param name="Held">Connections on which something is held back now.</param>
internal readonly record struct PairCounters(long Bytes, long WaitingBytes, int Held)
{
    /// <summary>True when traffic was offered and kept back.</summary>
    public bool HoldsBack => Held > 0;

    /// <summary>The sum.</summary>
    public static PairCounters operator +(PairCounters a, PairCounters b) =>
        new(a.Bytes + b.Bytes, a.WaitingBytes + b.WaitingBytes, a.Held + b.Held);
}

/// <summary>The proxy's counters of one moment, by pair.</summary>
internal sealed class LinkCounters
{
    private readonly Dictionary<LinkPair, PairCounters> _pairs = [];

    /// <summary>Sum over some pairs.</summary>
    public PairCounters Sum(IEnumerable<LinkPair> pairs) =>
        pairs.Aggregate(default(PairCounters), (sum, p) => sum + _pairs.GetValueOrDefault(p));

    /// <summary>
    /// Reads the answer to <c>counters</c>: lines of <c>link n0>n1 name value name value ...</c>. Throws
    /// <see cref="FormatException"/> when it is something else.
    /// </summary>
    public static LinkCounters Parse(IEnumerable<string> lines)
    {
        var counters = new LinkCounters();
        foreach (var line in lines)
        {
            var words = line.Split(' ');
            if (words.Length < 2 || words[0] != "link" || words[1].Split('>') is not [var from, var to])
            {
                throw new FormatException(line);
            }

            var values = new Dictionary<string, long>(StringComparer.Ordinal);
            for (var i = 2; i + 1 < words.Length; i += 2)
            {
                values[words[i]] = long.Parse(words[i + 1], CultureInfo.InvariantCulture);
            }

            counters.Add(new LinkPair(from, to), values, "up");
            counters.Add(new LinkPair(to, from), values, "down");
        }

        return counters;
    }

    private void Add(LinkPair pair, Dictionary<string, long> values, string direction) =>
        _pairs[pair] = _pairs.GetValueOrDefault(pair) + new PairCounters(
            values.GetValueOrDefault(direction + "_bytes"),
            values.GetValueOrDefault(direction + "_waiting"),
            (int)values.GetValueOrDefault(direction + "_held"));
}
