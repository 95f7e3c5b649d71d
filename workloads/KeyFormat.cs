using System.Globalization;

namespace Testbed.Workloads;

/// <summary>
/// Turns record numbers into key names as YCSB does, bit for bit: <c>user</c>, then the number (ordered) or
/// its FNV-1a hash (hashed), padded with zeros on the left.
/// </summary>
public sealed class KeyFormat
{
    /// <summary>Most zeros YCSB's padding may ask for here: keys end at 1,024 bytes.</summary>
    public const int MaxZeroPadding = 1000;

    private const int PrefixBytes = 4;
    private const int MostDigits = 20;
    private readonly bool _ordered;
    private readonly int _zeroPadding;

    /// <summary>A format; <paramref name="zeroPadding"/> is the least number of digits.</summary>
    public KeyFormat(bool ordered, int zeroPadding)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(zeroPadding);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(zeroPadding, MaxZeroPadding);
        _ordered = ordered;
        _zeroPadding = zeroPadding;
    }

    /// <summary>Length of the longest key.</summary>
    public int MaxKeyBytes => PrefixBytes + Math.Max(MostDigits, _zeroPadding);

    /// <summary>Writes the key's name and returns its length.</summary>
    public int Write(long key, Span<byte> destination)
    {
        var number = _ordered ? key : Fnv.HashNumber(key);
        "user"u8.CopyTo(destination);
        var digits = destination[PrefixBytes..];
        number.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        if (length >= _zeroPadding)
        {
            return PrefixBytes + length;
        }

        var zeros = _zeroPadding - length;
        digits[..length].CopyTo(digits[zeros..]);
        digits[..zeros].Fill((byte)'0');
        return PrefixBytes + _zeroPadding;
    }

    /// <summary>The key's name as text, for people.</summary>
    public string Text(long key)
    {
        Span<byte> buffer = stackalloc byte[PrefixBytes + MaxZeroPadding];
        return System.Text.Encoding.ASCII.GetString(buffer[..Write(key, buffer)]);
    }
}
