using System.Globalization;

namespace Testbed.Workloads;

/// <summary>
/// Turns record numbers into key names as YCSB does, bit for bit: <c>user</c>, then the number (ordered) or
/// its FNV-1a hash (hashed), padded with zeros on the left. A prefix, empty in YCSB, may come before all that:
/// it keeps the keys of one run apart from others in the same cluster.
/// </summary>
public sealed class KeyFormat
{
    /// <summary>Most zeros YCSB's padding may ask for here: keys end at 1,024 bytes.</summary>
    public const int MaxZeroPadding = 1000;

    /// <summary>Longest prefix: with the most zeros, a key still ends at 1,024 bytes.</summary>
    public const int MaxPrefixBytes = 20;

    private const int MostDigits = 20;
    private readonly bool _ordered;
    private readonly int _zeroPadding;
    private readonly byte[] _head;
    private readonly int _prefixBytes;

    /// <summary>
    /// A format; <paramref name="zeroPadding"/> is the least number of digits, <paramref name="prefix"/>
    /// ASCII that every key begins with.
    /// </summary>
    public KeyFormat(bool ordered, int zeroPadding, string prefix = "")
    {
        ArgumentOutOfRangeException.ThrowIfNegative(zeroPadding);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(zeroPadding, MaxZeroPadding);
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefix.Length, MaxPrefixBytes, nameof(prefix));
        _ordered = ordered;
        _zeroPadding = zeroPadding;
        _head = System.Text.Encoding.ASCII.GetBytes(prefix + "user");
        _prefixBytes = prefix.Length;
    }

    /// <summary>Length of the longest key.</summary>
    public int MaxKeyBytes => _head.Length + Math.Max(MostDigits, _zeroPadding);

    /// <summary>True when a key of this format can have this name.</summary>
    public bool IsOwn(ReadOnlySpan<byte> name) => name.StartsWith(_head.AsSpan(0, _prefixBytes));

    /// <summary>Writes the key's name and returns its length.</summary>
    public int Write(long key, Span<byte> destination)
    {
        var number = _ordered ? key : Fnv.HashNumber(key);
        _head.CopyTo(destination);
        var digits = destination[_head.Length..];
        number.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        if (length >= _zeroPadding)
        {
            return _head.Length + length;
        }

        var zeros = _zeroPadding - length;
        digits[..length].CopyTo(digits[zeros..]);
        digits[..zeros].Fill((byte)'0');
        return _head.Length + _zeroPadding;
    }

    /// <summary>The key's name as text, for people.</summary>
    public string Text(long key)
    {
        Span<byte> buffer = stackalloc byte[MaxPrefixBytes + 4 + MaxZeroPadding];
        return System.Text.Encoding.ASCII.GetString(buffer[..Write(key, buffer)]);
    }
}
