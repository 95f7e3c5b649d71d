namespace Testbed.Checker;

/// <summary>
/// Values that are neither identities nor numbers, each with an identity of its own (of the highest writer).
/// Filled by one reader; afterwards many threads may look things up.
/// </summary>
public sealed class HistoryTexts
{
    private readonly Dictionary<string, ulong> _identities = new(StringComparer.Ordinal);
    private readonly List<string> _texts = [];

    /// <summary>Number of texts.</summary>
    public int Count => _texts.Count;

    /// <summary>The identity of a text, new or known; the empty text is 0, absent.</summary>
    public ulong Intern(string text)
    {
        if (text.Length == 0)
        {
            return 0;
        }

        if (!_identities.TryGetValue(text, out var identity))
        {
            _texts.Add(text);
            identity = ValueIdentity.Compose(ValueIdentity.MaxWriter, (ulong)_texts.Count);
            _identities.Add(text, identity);
        }

        return identity;
    }

    /// <summary>The identity of a known text; 0 when it is not known.</summary>
    public ulong Find(string text) => _identities.GetValueOrDefault(text);

    /// <summary>The text of an identity of this table; null for others.</summary>
    public string? TextOf(ulong identity)
    {
        var index = ValueIdentity.Sequence(identity);
        return ValueIdentity.Writer(identity) == ValueIdentity.MaxWriter && index >= 1 && index <= (ulong)_texts.Count
            ? _texts[(int)index - 1]
            : null;
    }
}
