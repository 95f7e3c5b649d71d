namespace Testbed.Links;

/// <summary>
/// The rules in force, for every ordered pair of parties. One reference is swapped, so all links change at
/// the same moment; pumps look at it once per buffer.
/// </summary>
internal sealed class RuleBoard
{
    private readonly Dictionary<string, int> _pairs = new(StringComparer.Ordinal);
    private RuleSnapshot _current;

    /// <summary>Gives each pair of parties that share a link a number per direction.</summary>
    public RuleBoard(IEnumerable<LinkSpec> links)
    {
        foreach (var link in links)
        {
            _pairs.TryAdd(LinkSpec.PairName(link.From, link.To), _pairs.Count);
            _pairs.TryAdd(LinkSpec.PairName(link.To, link.From), _pairs.Count);
        }

        _current = new RuleSnapshot(new LinkRule[_pairs.Count]);
    }

    /// <summary>The rules now.</summary>
    public RuleSnapshot Current => Volatile.Read(ref _current);

    /// <summary>The number of the bytes that go from one party to another.</summary>
    public int PairOf(string source, string sink) => _pairs[LinkSpec.PairName(source, sink)];

    /// <summary>True when a rule can be about this pair.</summary>
    public bool Knows(string pair) => _pairs.ContainsKey(pair);

    /// <summary>Puts these rules in the place of all former ones; pairs that are not named are free.</summary>
    public void Swap(IReadOnlyDictionary<string, LinkRule> rules)
    {
        var next = new LinkRule[_pairs.Count];
        foreach (var (pair, rule) in rules)
        {
            next[_pairs[pair]] = rule;
        }

        Interlocked.Exchange(ref _current, new RuleSnapshot(next)).Supersede();
    }
}
