using System.Globalization;
using Testbed.Erasure;

namespace Testbed.Benchmarks.Support;

/// <summary>One geometry and size with its buffers.</summary>
internal sealed class CodecCase
{
    private readonly ReedSolomon _code;
    private readonly byte[] _value;
    private readonly byte[] _decoded;
    private readonly byte[] _rebuilt;
    private readonly Memory<byte>[] _elements;
    private readonly byte[] _healthy;
    private readonly byte[] _degraded;
    private readonly ReadOnlyMemory<byte>[] _healthyElements;
    private readonly ReadOnlyMemory<byte>[] _degradedElements;

    public CodecCase(string geometry, int valueBytes, Kernel? kernel = null)
    {
        var parts = geometry.Split(',');
        var n = int.Parse(parts[0], CultureInfo.InvariantCulture);
        var k = int.Parse(parts[1], CultureInfo.InvariantCulture);
        _code = new ReedSolomon(n, k, kernel);
        _value = BenchmarkData.Bytes(valueBytes);
        _decoded = new byte[valueBytes];
        _rebuilt = new byte[_code.ElementBytes(valueBytes)];
        _elements = [.. Enumerable.Range(0, n).Select(_ => new Memory<byte>(new byte[_rebuilt.Length]))];
        _healthy = [.. Enumerable.Range(0, k).Select(i => (byte)i)];
        _degraded = [.. Enumerable.Range(n - k, k).Select(i => (byte)i)];
        _healthyElements = [.. _healthy.Select(i => (ReadOnlyMemory<byte>)_elements[i])];
        _degradedElements = [.. _degraded.Select(i => (ReadOnlyMemory<byte>)_elements[i])];
        Encode();
    }

    public string KernelName => _code.KernelName;

    public ReadOnlyMemory<byte> FirstElement => _elements[0];

    /// <summary>All n elements.</summary>
    public void Encode() => _code.EncodeAll(_value, _elements);

    /// <summary>As many data elements missing as the code allows.</summary>
    public void DecodeDegraded() => _code.Decode(_degraded, _degradedElements, _decoded);

    /// <summary>From the data elements: copies.</summary>
    public void DecodeHealthy() => _code.Decode(_healthy, _healthyElements, _decoded);

    /// <summary>Data element 0 from the last k elements.</summary>
    public void Rebuild() => _code.Rebuild(_degraded, _degradedElements, 0, _rebuilt);
}
