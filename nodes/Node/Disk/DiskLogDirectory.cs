using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Testbed.Log;

namespace Testbed.Node.Disk;

/// <summary>The folder of a node's log on a real disk, held by at most one process at a time.</summary>
internal sealed class DiskLogDirectory : ILogDirectory, IDisposable
{
    private const string LockName = "lock";

    private readonly string _folder;
    private readonly FileStream _lock;

    /// <summary>
    /// Creates the folder where needed and locks it; throws <see cref="IOException"/> when another node has
    /// it.
    /// </summary>
    public DiskLogDirectory(string folder)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        _lock = new FileStream(Path.Combine(_folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite,
            FileShare.None);
    }

    public IReadOnlyList<string> List() =>
    [
        .. Directory.EnumerateFiles(_folder).Select(path => Path.GetFileName(path)!)
            .Where(name => name != LockName).Order(StringComparer.Ordinal),
    ];

    public ILogFile Open(string name) => new DiskLogFile(File.OpenHandle(
        Path.Combine(_folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));

    public void Delete(string name) => File.Delete(Path.Combine(_folder, name));

    /// <summary>
    /// Syncs the folder itself; Windows makes names durable with the files and has no such call.
    /// </summary>
    public void Sync()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens no folders, so the two calls it lacks come from the C library.
        var descriptor = OpenFolder(Encoding.UTF8.GetBytes(_folder + "\0"), 0);
        if (descriptor < 0)
        {
            throw new IOException(
                $"cannot open folder {_folder} to sync it: error {Marshal.GetLastPInvokeError()}");
        }

        try
        {
            if (SyncDescriptor(descriptor) != 0)
            {
                throw new IOException($"cannot sync folder {_folder}: error {Marshal.GetLastPInvokeError()}");
            }
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    public void Dispose() => _lock.Dispose();

    // Blittable signatures, so that neither marshalling code nor unsafe blocks are needed; the path ends in a
    // zero byte.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenFolder(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int SyncDescriptor(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseDescriptor(int descriptor);

    private sealed class DiskLogFile(SafeFileHandle handle) : ILogFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> buffer) => RandomAccess.Read(handle, buffer, offset);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, offset);

        public void Truncate(long length) => RandomAccess.SetLength(handle, length);

        public void Sync() => RandomAccess.FlushToDisk(handle);

        public void Dispose() => handle.Dispose();
    }
}
