using System.Buffers.Binary;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>Lays messages into frames as the hosts' outboxes do.</summary>
internal sealed class FrameBuilder
{
    private readonly List<byte[]> _sealed = [];
    private byte[] _buffer = new byte[512];
    private int _used;

    /// <summary>Room for one message.</summary>
    public Span<byte> Begin(int maxBytes)
    {
        var needed = FrameReader.PrefixBytes + maxBytes;
        if (_used > 0 && _used + needed > Limits.FrameTargetBytes)
        {
            Seal();
        }

        if (_used + needed > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_used + needed, 2 * _buffer.Length));
        }

        return _buffer.AsSpan(_used + FrameReader.PrefixBytes, maxBytes);
    }

    /// <summary>Ends the message; 0 takes it back.</summary>
    public void End(int writtenBytes)
    {
        if (writtenBytes > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_used), (uint)writtenBytes);
            _used += FrameReader.PrefixBytes + writtenBytes;
        }
    }

    /// <summary>
    /// The frames of the messages since the last call, to be cleared by the caller. A frame is an array of
    /// its own, because cores keep slices of what they receive.
    /// </summary>
    public List<byte[]> Take()
    {
        Seal();
        return _sealed;
    }

    private void Seal()
    {
        if (_used > 0)
        {
            _sealed.Add(_buffer.AsSpan(0, _used).ToArray());
            _used = 0;
        }
    }
}
