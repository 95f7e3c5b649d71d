using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>What the values and operations of one history mean, given its model.</summary>
internal sealed class HistoryValues(HistoryModel model)
{
    private readonly Dictionary<long, ulong> _initial = [];

    /// <summary>Values that are neither identities nor plain numbers.</summary>
    public HistoryTexts Texts { get; } = new();

    /// <summary>What keys began with, by key.</summary>
    public IReadOnlyDictionary<long, ulong> Initial => _initial;

    /// <summary>What all other keys began with.</summary>
    public ulong InitialForAll { get; set; }

    /// <summary>True when the empty text means absent.</summary>
    public bool EmptyIsAbsent => model == HistoryModel.Kv;

    /// <summary>The model as people write it.</summary>
    private string ModelName => model switch
    {
        HistoryModel.Register => "register",
        HistoryModel.CasRegister => "cas-register",
        _ => "kv",
    };

    /// <summary>An operation by name; throws <see cref="FormatException"/> when the model has no such.</summary>
    public HistoryKind Kind(string name)
    {
        HistoryKind kind = name switch
        {
            "read" or "get" => HistoryKind.Read,
            "write" or "put" => HistoryKind.Write,
            "delete" => HistoryKind.Delete,
            "cas" => HistoryKind.Cas,
            "append" => HistoryKind.Append,
            _ => throw new FormatException($"'f' is '{name}', it must be read, write, delete, cas or append"),
        };
        var fits = kind switch
        {
            HistoryKind.Cas => model == HistoryModel.CasRegister,
            HistoryKind.Append => model == HistoryModel.Kv,
            _ => true,
        };
        return fits ? kind : throw new FormatException(
            $"'f' is '{name}', which the model {ModelName} does not have; it needs --model "
            + (kind == HistoryKind.Cas ? "cas-register" : "kv"));
    }

    /// <summary>
    /// The identity of the value the reader stands on: null, "writer.sequence", an integer from 1; any other
    /// text or number gets an identity of its own. In the model kv all are texts.
    /// </summary>
    public ulong Value(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return 0;
            case JsonTokenType.Number when model != HistoryModel.Kv:
                return reader.TryGetUInt64(out var number) && number > 0
                    && ValueIdentity.Writer(number) != ValueIdentity.MaxWriter
                    ? number
                    : Texts.Intern(Encoding.UTF8.GetString(reader.ValueSpan));
            case JsonTokenType.String:
                return model != HistoryModel.Kv && !reader.ValueIsEscaped
                    && TryIdentity(reader.ValueSpan, out var identity)
                    ? identity
                    : OfText(reader.GetString()!);
            default:
                throw new FormatException(model == HistoryModel.Kv
                    ? "'value' must be null or a string" : "'value' must be null, a string or a number");
        }
    }

    /// <summary>The identity of a value as typed on a command line.</summary>
    public ulong Parse(string text) =>
        model == HistoryModel.Kv ? OfText(text)
        : text == "null" ? 0
        : TryIdentity(Encoding.UTF8.GetBytes(text), out var identity) ? identity
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            && ValueIdentity.Writer(number) != ValueIdentity.MaxWriter ? number
        : OfText(text);

    /// <summary>The first line's <c>initial</c>: one value for all keys, or an object with values by key.</summary>
    public void TakeInitial(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            InitialForAll = Value(ref reader);
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!long.TryParse(reader.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out var key))
            {
                throw new FormatException("the keys of 'initial' must be integers");
            }

            reader.Read();
            _initial[key] = Value(ref reader);
        }
    }

    private ulong OfText(string text) => text.Length > 0 || EmptyIsAbsent
        ? Texts.Intern(text)
        : throw new FormatException("'value' must not be the empty string (absent is null)");

    private static bool TryIdentity(ReadOnlySpan<byte> text, out ulong identity)
    {
        identity = 0;
        if (Utf8Parser.TryParse(text, out uint writer, out var used)
            && used < text.Length && text[used] == '.'
            && Utf8Parser.TryParse(text[(used + 1)..], out ulong sequence, out var rest)
            && used + 1 + rest == text.Length && writer < ValueIdentity.MaxWriter
            && sequence <= ValueIdentity.MaxSequence && (writer | sequence) != 0)
        {
            identity = ValueIdentity.Compose(writer, sequence);
            return true;
        }

        return false;
    }
}
