using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Testbed.Benchmarks.Support;

/// <summary>
/// One file of written blocks, open in every way in which Linux makes a write durable.
/// </summary>
internal sealed class DurableWrite : IDisposable
{
    /// <summary>Names of the ways.</summary>
    public static readonly string[] Ways = ["write, fsync", "write, fdatasync", "O_DSYNC", "O_DIRECT and O_DSYNC"];

    // The flags of x64 and arm64 differ in one.
    private const int ReadWrite = 2;
    private const int DataSync = 0x1000;
    private static readonly int Direct =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;

    private readonly SafeFileHandle[] _handles;
    private readonly byte[] _buffer;
    private readonly int _offset;
    private readonly int _bytes;
    private readonly int _places;

    /// <summary>
    /// A file with room for <paramref name="places"/> writes of <paramref name="bytes"/>, a multiple of 4,096.
    /// </summary>
    public DurableWrite(string path, int bytes, int places)
    {
        (_bytes, _places) = (bytes, places);

        // Direct writes need memory at the beginning of a page.
        _buffer = GC.AllocateUninitializedArray<byte>(bytes + 4096, pinned: true);
        _offset = 4096 - (int)(Marshal.UnsafeAddrOfPinnedArrayElement(_buffer, 0) % 4096);
        Random.Shared.NextBytes(_buffer);
        using (var file = File.Create(path))
        {
            file.Write(new byte[bytes * places]);
            file.Flush(flushToDisk: true);
        }

        _handles = [Open(path, 0), Open(path, 0), Open(path, DataSync), Open(path, DataSync | Direct)];
    }

    /// <summary>Writes once and makes it durable.</summary>
    public void Write(int way, int place)
    {
        var handle = _handles[way];
        RandomAccess.Write(handle, _buffer.AsSpan(_offset, _bytes), (long)(place % _places) * _bytes);
        switch (way)
        {
            case 0:
                RandomAccess.FlushToDisk(handle);
                break;
            case 1:
                if (SyncData((int)handle.DangerousGetHandle()) != 0)
                {
                    throw new IOException($"fdatasync: error {Marshal.GetLastPInvokeError()}");
                }

                break;
            default:
                break;
        }
    }

    public void Dispose()
    {
        foreach (var handle in _handles)
        {
            handle.Dispose();
        }
    }

    private static SafeFileHandle Open(string path, int flags)
    {
        var descriptor = Open(Encoding.UTF8.GetBytes(path + "\0"), ReadWrite | flags);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"cannot open {path}: error {Marshal.GetLastPInvokeError()}");
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static extern int SyncData(int descriptor);
}
