using System.Text.Json;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>The fields of one line as they come, checked for what they may be.</summary>
internal struct HistoryFields(HistoryValues values)
{
    private int? _process;
    private HistoryEventType? _type;
    private HistoryKind? _kind;
    private long? _key;
    private long? _time;
    private ulong _value;
    private ulong _expected;
    private bool _isPair;

    /// <summary>The schema, on a first line.</summary>
    public string? Schema { get; private set; }

    /// <summary>Takes the field whose name the reader stands on.</summary>
    public void Take(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("process"u8))
        {
            _process = (int)Integer(ref reader, "process", 0, int.MaxValue);
        }
        else if (reader.ValueTextEquals("type"u8))
        {
            _type = Type(Text(ref reader, "type"));
        }
        else if (reader.ValueTextEquals("f"u8))
        {
            _kind = values.Kind(Text(ref reader, "f"));
        }
        else if (reader.ValueTextEquals("key"u8))
        {
            _key = Key(ref reader);
        }
        else if (reader.ValueTextEquals("value"u8))
        {
            TakeValue(ref reader);
        }
        else if (reader.ValueTextEquals("time"u8))
        {
            _time = Integer(ref reader, "time", -long.MaxValue, long.MaxValue - 1);
        }
        else if (reader.ValueTextEquals("schema"u8))
        {
            Schema = Text(ref reader, "schema");
        }
        else if (reader.ValueTextEquals("initial"u8))
        {
            reader.Read();
            values.TakeInitial(ref reader);
        }
        else
        {
            // Other fields are allowed: other systems may say more than we need.
            reader.Skip();
        }
    }

    /// <summary>The event; throws <see cref="FormatException"/> when something is missing.</summary>
    public readonly HistoryEvent ToEvent()
    {
        var missing = _process is null ? "process" : _type is null ? "type" : _kind is null ? "f"
            : _key is null ? "key" : _time is null ? "time" : null;
        if (missing is not null)
        {
            throw new FormatException($"'{missing}' is missing");
        }

        var begins = _type == HistoryEventType.Invoke;
        if (begins && _kind == HistoryKind.Write && _value == 0 && !values.EmptyIsAbsent)
        {
            throw new FormatException("the invocation of a write needs a 'value'");
        }

        if (_isPair != (_kind == HistoryKind.Cas) && (begins || _isPair))
        {
            throw new FormatException(_isPair
                ? "only a cas has two values" : "the invocation of a cas needs a 'value' [old,new]");
        }

        return new HistoryEvent(
            _process.GetValueOrDefault(), _type.GetValueOrDefault(), _kind.GetValueOrDefault(),
            _key.GetValueOrDefault(), _value, _time.GetValueOrDefault())
        {
            Expected = _expected,
        };
    }

    private void TakeValue(ref Utf8JsonReader reader)
    {
        reader.Read();
        _isPair = reader.TokenType == JsonTokenType.StartArray;
        if (!_isPair)
        {
            _value = values.Value(ref reader);
            return;
        }

        reader.Read();
        _expected = values.Value(ref reader);
        reader.Read();
        _value = values.Value(ref reader);
        reader.Read();
        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw new FormatException("'value' must have two elements, [old,new]");
        }
    }

    /// <summary>An integer, also as a string.</summary>
    private static long Key(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String && reader.GetString() is { } text
            && long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign,
                System.Globalization.CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out number)
            ? number
            : throw new FormatException("'key' must be an integer");
    }

    private static long Integer(ref Utf8JsonReader reader, string name, long least, long most)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number)
            && number >= least && number <= most
            ? number
            : throw new FormatException($"'{name}' must be an integer in range");
    }

    private static string Text(ref Utf8JsonReader reader, string name)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.String
            ? reader.GetString()!
            : throw new FormatException($"'{name}' must be a string");
    }

    private static HistoryEventType Type(string text) => text switch
    {
        "invoke" => HistoryEventType.Invoke,
        "ok" => HistoryEventType.Ok,
        "fail" => HistoryEventType.Fail,
        "info" => HistoryEventType.Info,
        _ => throw new FormatException($"'type' is '{text}', it must be invoke, ok, fail or info"),
    };
}
