using System.Buffers.Text;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>
/// Reads lines in exactly the form in which ours are written, several times as fast as JSON in general. Gives
/// up at the slightest difference: then the general way decides, also about what is wrong.
/// </summary>
internal ref struct HistoryLineScan(ReadOnlySpan<byte> line)
{
    private ReadOnlySpan<byte> _rest = line;

    /// <summary>The event of a line; false when the line is in any other form.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, HistoryModel model, out HistoryEvent e)
    {
        e = default;
        if (model == HistoryModel.Kv)
        {
            // There all values are texts.
            return false;
        }

        var scan = new HistoryLineScan(line);
        if (!scan.Skip("{\"process\":"u8) || !scan.Number(out var process) || process is < 0 or > int.MaxValue
            || !scan.Skip(",\"type\":\""u8) || !scan.Type(out var type)
            || !scan.Skip(",\"f\":\""u8) || !scan.Kind(out var kind)
            || (kind == HistoryKind.Cas && model == HistoryModel.Register)
            || !scan.Skip(",\"key\":"u8) || !scan.Number(out var key) || !scan.Skip(",\"value\":"u8))
        {
            return false;
        }

        ulong expected = 0;
        ulong value;
        if (kind == HistoryKind.Cas
            ? !scan.Skip("["u8) || !scan.Value(out expected) || !scan.Skip(","u8) || !scan.Value(out value)
                || !scan.Skip("]"u8)
            : !scan.Value(out value))
        {
            return false;
        }

        if (!scan.Skip(",\"time\":"u8) || !scan.Number(out var time) || !scan.Skip("}"u8) || !scan._rest.IsEmpty
            || time is long.MinValue or long.MaxValue
            || (kind == HistoryKind.Write && type == HistoryEventType.Invoke && value == 0))
        {
            return false;
        }

        e = new HistoryEvent((int)process, type, kind, key, value, time) { Expected = expected };
        return true;
    }

    private bool Skip(ReadOnlySpan<byte> text)
    {
        if (!_rest.StartsWith(text))
        {
            return false;
        }

        _rest = _rest[text.Length..];
        return true;
    }

    private bool Number(out long number)
    {
        // JSON knows neither a plus sign nor leading zeros.
        var digits = _rest is [(byte)'-', .. var positive] ? positive : _rest;
        var plain = digits is [>= (byte)'1' and <= (byte)'9', ..]
            || (digits is [(byte)'0', ..] && digits is not [_, >= (byte)'0' and <= (byte)'9', ..]);
        if (!Utf8Parser.TryParse(_rest, out number, out var used) || !plain)
        {
            return false;
        }

        _rest = _rest[used..];
        return true;
    }

    private bool Type(out HistoryEventType type)
    {
        type = HistoryEventType.Invoke;
        if (Skip("invoke\""u8))
        {
            return true;
        }

        type = HistoryEventType.Ok;
        if (Skip("ok\""u8))
        {
            return true;
        }

        type = HistoryEventType.Fail;
        if (Skip("fail\""u8))
        {
            return true;
        }

        type = HistoryEventType.Info;
        return Skip("info\""u8);
    }

    private bool Kind(out HistoryKind kind)
    {
        kind = HistoryKind.Read;
        if (Skip("read\""u8))
        {
            return true;
        }

        kind = HistoryKind.Write;
        if (Skip("write\""u8))
        {
            return true;
        }

        kind = HistoryKind.Delete;
        if (Skip("delete\""u8))
        {
            return true;
        }

        kind = HistoryKind.Cas;
        return Skip("cas\""u8);
    }

    private bool Value(out ulong value)
    {
        value = 0;
        if (Skip("null"u8))
        {
            return true;
        }

        if (!Skip("\""u8) || !Utf8Parser.TryParse(_rest, out uint writer, out var used)
            || writer >= ValueIdentity.MaxWriter)
        {
            return false;
        }

        _rest = _rest[used..];
        if (!Skip("."u8) || !Utf8Parser.TryParse(_rest, out ulong sequence, out used)
            || sequence > ValueIdentity.MaxSequence || (writer | sequence) == 0)
        {
            return false;
        }

        _rest = _rest[used..];
        value = ValueIdentity.Compose(writer, sequence);
        return Skip("\""u8);
    }
}
