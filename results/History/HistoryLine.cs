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
    public const int MaxBytes = 256;

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
            HistoryKind.Cas => ",\"f\":\"cas\",\"key\":"u8,
            HistoryKind.Append => ",\"f\":\"append\",\"key\":"u8,
            _ => ",\"f\":\"delete\",\"key\":"u8,
        });
        at = Put(to, at, e.Key);
        at = Put(to, at, ",\"value\":"u8);
        if (e.Kind == HistoryKind.Cas)
        {
            at = Put(to, at, "["u8);
            at = PutValue(to, at, e.Expected);
            at = Put(to, at, ","u8);
            at = PutValue(to, at, e.Value);
            at = Put(to, at, "]"u8);
        }
        else
        {
            at = PutValue(to, at, e.Value);
        }

        at = Put(to, at, ",\"time\":"u8);
        at = Put(to, at, e.TimeNanos);
        return Put(to, at, "}\n"u8);
    }

    /// <summary>
    /// Reads a line; null with <paramref name="header"/> true for the schema line. Throws <see
    /// cref="FormatException"/>.
    /// </summary>
    public static HistoryEvent? Read(ReadOnlySpan<byte> line, HistoryValues values, out bool header)
    {
        header = false;
        var fields = new HistoryFields(values);
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

    private static int PutValue(Span<byte> to, int at, ulong value)
    {
        if (value == 0)
        {
            return Put(to, at, "null"u8);
        }

        at = Put(to, at, "\""u8);
        at = Put(to, at, ValueIdentity.Writer(value));
        at = Put(to, at, "."u8);
        at = Put(to, at, (long)ValueIdentity.Sequence(value));
        return Put(to, at, "\""u8);
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
}
