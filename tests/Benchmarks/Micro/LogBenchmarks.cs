using BenchmarkDotNet.Attributes;
using Testbed.Benchmarks.Support;
using Testbed.Log;

namespace Testbed.Benchmarks.Micro;

/// <summary>A group of 64 records of 1 KiB without a disk; reading a log of 16 MiB back.</summary>
[MemoryDiagnoser]
public class LogBenchmarks
{
    private const int Records = 64;
    private const int RecordBytes = 1024;
    private const int Groups = 256;

    private readonly LogGroup _group = new();
    private readonly byte[] _head = new byte[32];
    private readonly byte[] _body = BenchmarkData.Bytes(RecordBytes - 32);
    private readonly MemoryLogDirectory _disk = new();
    private WriteAheadLog _log = null!;

    [GlobalSetup]
    public void Setup()
    {
        _log = WriteAheadLog.Open(new NoDisk(), static (_, _) => { });
        using var log = WriteAheadLog.Open(_disk, static (_, _) => { });
        FillGroup();
        for (var i = 0; i < Groups; i++)
        {
            log.Write(_group);
        }

        log.Sync();
    }

    [GlobalCleanup]
    public void Cleanup() => _log.Dispose();

    [Benchmark]
    public int FillGroup()
    {
        _group.Clear();
        for (var i = 0; i < Records; i++)
        {
            _group.Add(1, _head, _body);
        }

        return _group.Bytes;
    }

    [Benchmark]
    public void FillAndWriteGroup()
    {
        FillGroup();
        _log.Write(_group);
    }

    [Benchmark]
    public long Recover16MiB()
    {
        var bytes = 0L;
        using var log = WriteAheadLog.Open(_disk, (_, payload) => bytes += payload.Length);
        return bytes == (long)Groups * Records * RecordBytes ? bytes : throw new InvalidOperationException();
    }
}
