using System.Numerics;

namespace Testbed.Ecc;

/// <summary>Byte arrays of one owner in power-of-two sizes; keeps a bounded number of free bytes.</summary>
internal sealed class BufferPool
{
    private const int SmallestLog2 = 6;
    private const int Classes = 20;
    private const long KeepBytes = 8L * 1024 * 1024;
    private readonly Stack<byte[]>[] _free = new Stack<byte[]>[Classes];
    private long _freeBytes;

    internal BufferPool()
    {
        for (var i = 0; i < Classes; i++)
        {
            _free[i] = new Stack<byte[]>();
        }
    }

    internal byte[] Rent(int bytes)
    {
        var index = ClassOf(bytes);
        if (index >= Classes)
        {
            return new byte[bytes];
        }

        if (_free[index].TryPop(out var buffer))
        {
            _freeBytes -= buffer.Length;
            return buffer;
        }

        return GC.AllocateUninitializedArray<byte>(1 << (index + SmallestLog2));
    }

    internal void Return(byte[] buffer)
    {
        var index = ClassOf(buffer.Length);
        if (index < Classes && buffer.Length == 1 << (index + SmallestLog2)
            && _freeBytes + buffer.Length <= KeepBytes)
        {
            _freeBytes += buffer.Length;
            _free[index].Push(buffer);
        }
    }

    private static int ClassOf(int bytes) =>
        Math.Max(0, BitOperations.Log2((uint)Math.Max(1, bytes - 1)) + 1 - SmallestLog2);
}
