using System.Buffers.Text;
using System.Text.Json;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>One event as a JSON line and back, see docs/HISTORY-FORMAT.md.</summary>
internal static class HistoryLine
{
    /// <summary>Name and version of the format.</summary>
    public const string Schema = "testbed.history/1";

    /// <summary>Bytes that suffice for any line.</summary>
    public const int MaxBytes = 224;

    /// <summary>The first line.</summary>
    public static ReadOnlySpan<byte> Header => "{\"schema\":\"testbed.history/1\",\"time_unit\":\"ns\"}\n"u8;

    /// <summary>Writes a line with its end; returns its length.</summary>
    public static int Write(Span<byte> to, in HistoryEvent e)
    {
        var at = Put(to, 0, "{\"process\":"u8);
        at = Put(to, at, e.Process);
        at = Put(to, at, e.Type switch
        {
            HistoryEventType.Invoke => ",\"type\":\"invoke\""u8,
            HistoryEventType.Ok => ",\"type\":\"ok\""u8,
            HistoryEventType.Fail => ",\"type\":\"fail\""u8,
            _ => ",\"type\":\"info\""u8,
        });
        at = Put(to, at, e.Kind switch
        {
            HistoryKind.Read => ",\"f\":\"read\",\"key\":"u8,
            HistoryKind.Write => ",\"f\":\"write\",\"key\":"u8,
            _ => ",\"f\":\"delete\",\"key\":"u8,
        });
        at = Put(to, at, e.Key);
        if (e.Value == 0)
        {
            at = Put(to, at, ",\"value\":null,\"time\":"u8);
        }
        else
        {
            at = Put(to, at, ",\"value\":\""u8);
            at = Put(to, at, ValueIdentity.Writer(e.Value));
            at = Put(to, at, "."u8);
            at = Put(to, at, (long)ValueIdentity.Sequence(e.Value));
            at = Put(to, at, "\",\"time\":"u8);
        }

        at = Put(to, at, e.TimeNanos);
        return Put(to, at, "}\n"u8);
    }

    /// <summary>
    /// Reads a line; null with <paramref name="header"/> true for the schema line. Throws <see
    /// cref="FormatException"/>.
    /// </summary>
    public static HistoryEvent? Read(ReadOnlySpan<byte> line, out bool header)
    {
        header = false;
        var fields = default(Fields);
        try
        {
            var reader = new Utf8JsonReader(line);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new FormatException("a line must be one JSON object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                fields.Take(ref reader);
            }

            if (reader.Read())
            {
                throw new FormatException("a line must be one JSON object");
            }
        }
        catch (JsonException e)
        {
            throw new FormatException("no valid JSON: " + e.Message.Split(". ")[0], e);
        }

        if (fields.Schema is { } schema)
        {
            header = true;
            return schema == Schema ? null
                : throw new FormatException($"schema is '{schema}', this version reads '{Schema}'");
        }

        return fields.ToEvent();
    }

    private static int Put(Span<byte> to, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(to[at..]);
        return at + text.Length;
    }

    private static int Put(Span<byte> to, int at, long number)
    {
        Utf8Formatter.TryFormat(number, to[at..], out var written);
        return at + written;
    }

    private struct Fields
    {
        private int? _process;
        private HistoryEventType? _type;
        private HistoryKind? _kind;
        private long? _key;
        private long? _time;
        private ulong _value;

        public string? Schema { get; private set; }

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
                _kind = Kind(Text(ref reader, "f"));
            }
            else if (reader.ValueTextEquals("key"u8))
            {
                _key = Integer(ref reader, "key", long.MinValue, long.MaxValue);
            }
            else if (reader.ValueTextEquals("value"u8))
            {
                _value = Value(ref reader);
            }
            else if (reader.ValueTextEquals("time"u8))
            {
                _time = Integer(ref reader, "time", -long.MaxValue, long.MaxValue - 1);
            }
            else if (reader.ValueTextEquals("schema"u8))
            {
                Schema = Text(ref reader, "schema");
            }
            else
            {
                // Other fields are allowed: other systems may say more than we need.
                reader.Skip();
            }
        }

        public readonly HistoryEvent ToEvent()
        {
            var missing = _process is null ? "process" : _type is null ? "type" : _kind is null ? "f"
                : _key is null ? "key" : _time is null ? "time" : null;
            if (missing is not null)
            {
                throw new FormatException($"'{missing}' is missing");
            }

            if (_kind == HistoryKind.Write && _type == HistoryEventType.Invoke && _value == 0)
            {
                throw new FormatException("the invocation of a write needs a 'value'");
            }

            return new HistoryEvent(
                _process.GetValueOrDefault(), _type.GetValueOrDefault(), _kind.GetValueOrDefault(),
                _key.GetValueOrDefault(), _value, _time.GetValueOrDefault());
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

        private static HistoryKind Kind(string text) => text switch
        {
            "read" => HistoryKind.Read,
            "write" => HistoryKind.Write,
            "delete" => HistoryKind.Delete,
            _ => throw new FormatException($"'f' is '{text}', it must be read, write or delete"),
        };

        /// <summary>null, "writer.sequence", or an integer from 1 (for histories from elsewhere).</summary>
        private static ulong Value(ref Utf8JsonReader reader)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                return 0;
            }

            if (reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out var number) && number > 0)
            {
                return number;
            }

            if (reader.TokenType == JsonTokenType.String && !reader.HasValueSequence)
            {
                var text = reader.ValueSpan;
                if (Utf8Parser.TryParse(text, out uint writer, out var used)
                    && used < text.Length && text[used] == '.'
                    && Utf8Parser.TryParse(text[(used + 1)..], out ulong sequence, out var rest)
                    && used + 1 + rest == text.Length && writer <= ValueIdentity.MaxWriter
                    && sequence <= ValueIdentity.MaxSequence && (writer | sequence) != 0)
                {
                    return ValueIdentity.Compose(writer, sequence);
                }
            }

            throw new FormatException(
                "'value' must be null, \"writer.sequence\" or an integer from 1 (absent is null, not 0)");
        }
    }
}
