using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>
/// Reads what <see cref="WireWriter"/> wrote, from bytes nobody vouches for. The first read past the end or
/// over a limit sets <see cref="Failed"/>; from then on everything reads as zero or empty, so a decoder
/// checks once, at its end.
/// </summary>
public ref struct WireReader(ReadOnlyMemory<byte> source)
{
    private readonly ReadOnlyMemory<byte> _memory = source;
    private readonly ReadOnlySpan<byte> _source = source.Span;
    private int _position;

    /// <summary>True once any read was refused.</summary>
    public bool Failed { get; private set; }

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => _source.Length - _position;

    /// <summary>
    /// True when nothing failed and every byte was read: what a complete message looks like.
    /// </summary>
    public readonly bool Complete => !Failed && _position == _source.Length;

    /// <summary>One byte.</summary>
    public byte U8() => Take(1) ? _source[_position - 1] : (byte)0;

    /// <summary>Two bytes.</summary>
    public ushort U16() => Take(2) ? BinaryPrimitives.ReadUInt16LittleEndian(_source[(_position - 2)..]) : (ushort)0;

    /// <summary>Four bytes.</summary>
    public uint U32() => Take(4) ? BinaryPrimitives.ReadUInt32LittleEndian(_source[(_position - 4)..]) : 0;

    /// <summary>Eight bytes.</summary>
    public ulong U64() => Take(8) ? BinaryPrimitives.ReadUInt64LittleEndian(_source[(_position - 8)..]) : 0;

    /// <summary>Sixteen bytes.</summary>
    public UInt128 U128() =>
        Take(16) ? BinaryPrimitives.ReadUInt128LittleEndian(_source[(_position - 16)..]) : UInt128.Zero;

    /// <summary>A known number of bytes, as a slice of the message.</summary>
    public ReadOnlyMemory<byte> Raw(int bytes) => Take(bytes) ? _memory.Slice(_position - bytes, bytes) : default;

    /// <summary>Bytes behind a two-byte length, at most <paramref name="maxBytes"/>.</summary>
    public ReadOnlyMemory<byte> Short(int maxBytes) => Limited(U16(), maxBytes);

    /// <summary>Bytes behind a four-byte length, at most <paramref name="maxBytes"/>.</summary>
    public ReadOnlyMemory<byte> Long(int maxBytes) => Limited(U32(), maxBytes);

    private ReadOnlyMemory<byte> Limited(uint length, int maxBytes)
    {
        if (length > (uint)maxBytes)
        {
            Failed = true;
            return default;
        }

        return Raw((int)length);
    }

    private bool Take(int bytes)
    {
        if (Failed || bytes < 0 || bytes > _source.Length - _position)
        {
            Failed = true;
            return false;
        }

        _position += bytes;
        return true;
    }
}
