using System.Buffers.Binary;

namespace Testbed.Wire;

/// <summary>
/// Writes little-endian integers and length-prefixed bytes into a span the caller sized. Running over the end
/// is a bug of the caller and throws.
/// </summary>
public ref struct WireWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>Bytes written so far.</summary>
    public int Position { get; private set; }

    /// <summary>One byte.</summary>
    public void U8(byte value) => _destination[Position++] = value;

    /// <summary>Two bytes.</summary>
    public void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_destination[Position..], value);
        Position += 2;
    }

    /// <summary>Four bytes.</summary>
    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_destination[Position..], value);
        Position += 4;
    }

    /// <summary>Eight bytes.</summary>
    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_destination[Position..], value);
        Position += 8;
    }

    /// <summary>Sixteen bytes.</summary>
    public void U128(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(_destination[Position..], value);
        Position += 16;
    }

    /// <summary>The bytes alone; the reader must know their number.</summary>
    public void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_destination[Position..]);
        Position += bytes.Length;
    }

    /// <summary>A two-byte length, then the bytes (keys).</summary>
    public void Short(scoped ReadOnlySpan<byte> bytes)
    {
        U16(checked((ushort)bytes.Length));
        Raw(bytes);
    }

    /// <summary>A four-byte length, then the bytes (values).</summary>
    public void Long(scoped ReadOnlySpan<byte> bytes)
    {
        U32((uint)bytes.Length);
        Raw(bytes);
    }
}
