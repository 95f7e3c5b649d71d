using BenchmarkDotNet.Attributes;
using Testbed.Benchmarks.Support;
using Testbed.Wire;

namespace Testbed.Benchmarks.Micro;

/// <summary>Writing and reading one message.</summary>
[MemoryDiagnoser]
public class WireBenchmarks
{
    private readonly byte[] _key = BenchmarkData.Key(1);
    private readonly EccVersion _version = new(new UInt128(1, 2));
    private byte[] _buffer = [];
    private byte[] _value = [];
    private byte[] _request = [];
    private byte[] _reply = [];
    private byte[] _preWrite = [];

    [Params(16, 1024)]
    public int ValueBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _value = BenchmarkData.Bytes(ValueBytes);
        _buffer = new byte[ValueBytes + 256];
        _request = _buffer[..WriteRequest()];
        _reply = _buffer[..WriteReply()];
        _preWrite = _buffer[..WritePreWrite()];
    }

    [Benchmark]
    public int WriteRequest() => new KvRequest(7, KvKind.Put, _key, _value, 0, 1_000_000).Write(_buffer);

    [Benchmark]
    public bool ReadRequest() => KvRequest.TryRead(_request, out _)
        ? true : throw new InvalidOperationException();

    [Benchmark]
    public int WriteReply() => new KvReply(7, KvStatus.Ok, 0, _value, default).Write(_buffer);

    [Benchmark]
    public bool ReadReply() => KvReply.TryRead(_reply, out _) ? true : throw new InvalidOperationException();

    [Benchmark]
    public int WritePreWrite()
    {
        var blob = EccPreWrite.Write(_buffer, 7, _key, default, _version, _value.Length, _value.Length);
        _value.CopyTo(_buffer, blob);
        EccPreWrite.Seal(_buffer, blob, 1);
        return blob + _value.Length;
    }

    [Benchmark]
    public int ReadPreWrite()
    {
        EccPreWrite.TryRead(_preWrite, out var preWrite);
        return preWrite.Element.Blob.Length == ValueBytes
            ? ValueBytes : throw new InvalidOperationException();
    }
}
