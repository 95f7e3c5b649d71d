namespace Testbed.Ecc;

/// <summary>
/// The parity elements of one value, computed in one pass over it before they are copied into the messages to
/// several nodes. The memory is used for the next value again.
/// </summary>
internal sealed class ParityElements(EccCode code)
{
    /// <summary>Parity of larger values is computed element by element, each in its message.</summary>
    internal const int LimitBytes = 1024 * 1024;

    /// <summary>
    /// Up to four inputs fit a tile of the codec, which makes a parity element in one go: then passing over the
    /// value for each, straight into the messages, costs less than the copies. Measured: 0.65 to 1.1 of the speed
    /// at widths 2 to 4, 1.1 to 1.8 at 6 and 8.
    /// </summary>
    internal const int LeastWidth = 5;

    private readonly Memory<byte>[] _elements = new Memory<byte>[code.Nodes];
    private byte[] _buffer = [];
    private int _width;
    private int _count;

    /// <summary>
    /// Computes them, unless that saves nothing: a narrow code, a single element, or too large a value.
    /// </summary>
    internal void Compute(ReadOnlySpan<byte> value, int width)
    {
        var count = code.Nodes - width;
        if (value.IsEmpty || width < LeastWidth || count < 2)
        {
            return;
        }

        var elementBytes = (value.Length + width - 1) / width;
        if ((long)count * elementBytes > LimitBytes)
        {
            return;
        }

        if (_buffer.Length < count * elementBytes)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(Math.Max(count * elementBytes, 2 * _buffer.Length));
        }

        for (var i = 0; i < count; i++)
        {
            _elements[i] = _buffer.AsMemory(i * elementBytes, elementBytes);
        }

        code.EncodeParity(value, width, _elements.AsSpan(0, count));
        (_width, _count) = (width, count);
    }

    /// <summary>The element of that index; empty when it was not computed.</summary>
    internal ReadOnlySpan<byte> Of(int index, int width) =>
        width == _width && index >= width && index < width + _count ? _elements[index - width].Span : default;

    /// <summary>What was computed belongs to no value any more.</summary>
    internal void Clear() => _count = 0;
}
