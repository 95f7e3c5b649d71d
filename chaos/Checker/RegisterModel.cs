namespace Testbed.Checker;

/// <summary>
/// What the operations of one key do to its value. Texts that appends make are known to one search only.
/// </summary>
internal sealed class RegisterModel(HistoryTexts? texts)
{
    private readonly HistoryTexts _made = new();
    private readonly Dictionary<(ulong State, ulong Appended), ulong> _joined = [];

    /// <summary>
    /// Identities of texts this search made, apart from those of the history: the sequence's top bit.
    /// </summary>
    private const ulong MadeHere = 1ul << (ValueIdentity.SequenceBits - 1);

    /// <summary>Bytes of texts made, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Whether the operation may take effect at this value, and what it leaves. An indefinite compare-and-set
    /// that finds another value than expected has no effect, which is the same as never taking it.
    /// </summary>
    public bool Allows(in HistoryOperation operation, ulong state, out ulong after)
    {
        after = operation.Kind switch
        {
            HistoryKind.Read => state,
            HistoryKind.Write or HistoryKind.Cas => operation.Value,
            HistoryKind.Append => Joined(state, operation.Value),
            _ => 0,
        };
        return operation.Kind switch
        {
            HistoryKind.Read => operation.Value == state,
            HistoryKind.Cas => operation.Expected == state,
            _ => true,
        };
    }

    private ulong Joined(ulong state, ulong appended)
    {
        if (state == 0 || appended == 0)
        {
            return state | appended;
        }

        if (_joined.TryGetValue((state, appended), out var joined))
        {
            return joined;
        }

        var text = TextOf(state) + TextOf(appended);
        joined = texts?.Find(text) is { } known and > 0 ? known : _made.Intern(text) | MadeHere;
        Bytes += 160 + (2L * text.Length);
        _joined.Add((state, appended), joined);
        return joined;
    }

    private string TextOf(ulong value) =>
        (value & MadeHere) != 0 && ValueIdentity.Writer(value) == ValueIdentity.MaxWriter
            ? _made.TextOf(value & ~MadeHere)!
            : texts?.TextOf(value) ?? ValueIdentity.Format(value);
}
