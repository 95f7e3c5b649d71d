using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Testbed.Log;

namespace Testbed.Node.Disk;

/// <summary>A file of the log on a real disk.</summary>
internal sealed class DiskLogFile(SafeFileHandle handle) : ILogFile
{
    private const int Interrupted = 4;

    public long Length => RandomAccess.GetLength(handle);

    public int Read(long offset, Span<byte> buffer) => RandomAccess.Read(handle, buffer, offset);

    public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, offset);

    public void Truncate(long length) => RandomAccess.SetLength(handle, length);

    /// <summary>
    /// On Linux by fdatasync: content and length. The call .NET has, fsync, also makes the time of the last
    /// write durable, which costs a commit of the file system's journal where nothing else needs one.
    /// </summary>
    public void Sync()
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(handle);
            return;
        }

        while (SyncData((int)handle.DangerousGetHandle()) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw new IOException($"cannot sync a file of the log: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }

        GC.KeepAlive(handle);
    }

    public void Dispose() => handle.Dispose();

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static extern int SyncData(int descriptor);
}
