using BenchmarkDotNet.Attributes;
using Testbed.Benchmarks.Support;
using Testbed.Erasure;

namespace Testbed.Benchmarks.Micro;

/// <summary>
/// Encode all, decode without the first data elements, rebuild one. Divide the value's bytes by the time for
/// GB/s.
/// </summary>
public class CodecBenchmarks
{
    private CodecCase _case = null!;

    [Params("3,2", "5,3", "6,4")]
    public string Geometry { get; set; } = "";

    [Params(1024, 4096, 65536)]
    public int ValueBytes { get; set; }

    [GlobalSetup]
    public void Setup() => _case = new CodecCase(Geometry, ValueBytes);

    [Benchmark]
    public void Encode() => _case.Encode();

    [Benchmark]
    public void DecodeDegraded() => _case.DecodeDegraded();

    [Benchmark]
    public void DecodeHealthy() => _case.DecodeHealthy();

    [Benchmark]
    public void Rebuild() => _case.Rebuild();

    [Benchmark]
    public ulong ElementChecksum() => Checksum.Of(_case.FirstElement.Span);
}
