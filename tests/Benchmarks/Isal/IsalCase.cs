using Testbed.Benchmarks.Support;
using Testbed.Erasure;

namespace Testbed.Benchmarks.Isal;

/// <summary>What is computed.</summary>
internal enum IsalTask
{
    /// <summary>All parity blocks from the data blocks.</summary>
    Encode,

    /// <summary>Data block 0 from the other data blocks and the first parity block: our code's XOR.</summary>
    RebuildOne,

    /// <summary>Data block 0 with the last parity block instead: any coefficients.</summary>
    RebuildOneAny,

    /// <summary>As many data blocks as there are parity blocks.</summary>
    RebuildMost,
}

/// <summary>
/// One task on the same buffers for our codec and ISA-L, with the same matrix: ISA-L's speed does not depend
/// on its coefficients.
/// </summary>
internal sealed class IsalCase
{
    private const int Alignment = 64;

    private readonly int _columns;
    private readonly int _blockBytes;
    private readonly IsalTask _task;
    private readonly ReedSolomon _code;
    private readonly byte[] _arena;
    private readonly int _base;
    private readonly Memory<byte> _value;
    private readonly Memory<byte>[] _blocks;
    private readonly Memory<byte>[] _outputs;
    private readonly byte[] _sourceIndices;
    private readonly ReadOnlyMemory<byte>[] _sources;
    private readonly byte[] _wanted;
    private readonly byte[] _tables;
    private readonly nint[] _inputAddresses;
    private readonly nint[] _outputAddresses;

    public IsalCase(int dataBlocks, int parityBlocks, int blockBytes, IsalTask task, Kernel? kernel = null)
    {
        _columns = dataBlocks;
        _blockBytes = blockBytes;
        _task = task;
        _code = new ReedSolomon(dataBlocks + parityBlocks, dataBlocks, kernel);

        // The value in one piece, as our clients have it; every other block begins at a cache line.
        var stride = (blockBytes + Alignment - 1) / Alignment * Alignment;
        var valueBytes = dataBlocks * blockBytes;
        var outputs = Math.Max(parityBlocks, dataBlocks);
        var all = valueBytes + ((parityBlocks + outputs + 2) * stride) + (2 * Alignment);
        _arena = GC.AllocateArray<byte>(all, pinned: true);
        _base = (int)(-IsalLibrary.Address(_arena) & (Alignment - 1));
        _value = _arena.AsMemory(_base, valueBytes);
        BenchmarkData.Bytes(valueBytes).CopyTo(_value);
        var next = _base + ((valueBytes + Alignment - 1) / Alignment * Alignment);
        _blocks = new Memory<byte>[dataBlocks + parityBlocks];
        for (var i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = i < dataBlocks ? _value.Slice(i * blockBytes, blockBytes) : Take();
        }

        _code.EncodeParity(_value.Span, _blocks.AsSpan(dataBlocks));
        var lost = task switch
        {
            IsalTask.Encode => 0,
            IsalTask.RebuildMost => Math.Min(dataBlocks, parityBlocks),
            _ => 1,
        };
        _wanted = task == IsalTask.Encode
            ? [.. Enumerable.Range(dataBlocks, parityBlocks).Select(i => (byte)i)]
            : [.. Enumerable.Range(0, lost).Select(i => (byte)i)];
        var firstParity = task == IsalTask.RebuildOneAny ? dataBlocks + parityBlocks - 1 : dataBlocks;
        _sourceIndices = [.. Enumerable.Range(lost, dataBlocks - lost).Select(i => (byte)i),
            .. Enumerable.Range(firstParity, lost).Select(i => (byte)i)];
        _sources = [.. _sourceIndices.Select(i => (ReadOnlyMemory<byte>)_blocks[i])];
        _outputs = [.. _wanted.Select(_ => Take())];

        var matrix = task == IsalTask.Encode
            ? _code.Generator
            : new DecodePlan(_code, _sourceIndices.Aggregate(0UL, (set, i) => set | (1UL << i))).RowsOf(_wanted);
        _tables = IsalLibrary.Tables([.. _wanted.SelectMany(i => matrix.Row(i).ToArray())], dataBlocks);
        _inputAddresses = Addresses([.. _sourceIndices.Select(i => _blocks[i])]);
        _outputAddresses = Addresses(_outputs);

        Memory<byte> Take()
        {
            var taken = _arena.AsMemory(next, blockBytes);
            next += stride;
            return taken;
        }
    }

    /// <summary>Bytes read by a call.</summary>
    public long InputBytes => (long)_columns * _blockBytes;

    /// <summary>The outputs as they are now.</summary>
    public byte[][] Outputs => [.. _outputs.Select(output => output.ToArray())];

    /// <summary>What the outputs should be when something is rebuilt.</summary>
    public byte[][] Expected => [.. _wanted.Select(i => _blocks[i].ToArray())];

    /// <summary>Overwrites the outputs.</summary>
    public void Clear()
    {
        foreach (var output in _outputs)
        {
            output.Span.Fill(0xEE);
        }
    }

    /// <summary>Our codec.</summary>
    public void Ours()
    {
        switch (_task)
        {
            case IsalTask.Encode:
                _code.EncodeParity(_value.Span, _outputs);
                break;
            case IsalTask.RebuildMost:
                _code.Rebuild(_sourceIndices, _sources, _wanted, _outputs);
                break;
            default:
                _code.Rebuild(_sourceIndices, _sources, _wanted[0], _outputs[0].Span);
                break;
        }
    }

    /// <summary>ISA-L.</summary>
    public void Theirs() => IsalLibrary.EncodeData(_blockBytes, _columns, _wanted.Length,
        IsalLibrary.Address(_tables), IsalLibrary.Address(_inputAddresses), IsalLibrary.Address(_outputAddresses));

    private nint[] Addresses(ReadOnlySpan<Memory<byte>> blocks)
    {
        var addresses = GC.AllocateArray<nint>(blocks.Length, pinned: true);
        for (var i = 0; i < addresses.Length; i++)
        {
            System.Runtime.InteropServices.MemoryMarshal.TryGetArray<byte>(blocks[i], out var segment);
            addresses[i] = IsalLibrary.Address(_arena, segment.Offset);
        }

        return addresses;
    }
}
