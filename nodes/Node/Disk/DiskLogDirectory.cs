using System.Runtime.InteropServices;
using System.Text;
using Testbed.Log;

namespace Testbed.Node.Disk;

/// <summary>The folder of a node's log on a real disk, held by at most one process at a time.</summary>
internal sealed class DiskLogDirectory : ILogDirectory, IDisposable
{
    private const string LockName = "lock";
    private const string AsidePrefix = "damaged-";
    private const string UnfinishedSuffix = ".part";

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
        if (Aside().FirstOrDefault(name => name.EndsWith(UnfinishedSuffix, StringComparison.Ordinal)) is { } name)
        {
            MoveTo(name);
        }
    }

    /// <summary>True when a damaged log was put aside here, in this life or an earlier one.</summary>
    public bool HasPutAside => Aside().Any();

    /// <summary>
    /// Moves all files into a new folder below; returns its path. A rest of the files alone could pass for a
    /// log: cut short, the move is ended by the next life before it looks at them.
    /// </summary>
    public string PutAside()
    {
        var number = 1;
        while (Directory.Exists(Path.Combine(_folder, AsidePrefix + number)))
        {
            number++;
        }

        var name = AsidePrefix + number + UnfinishedSuffix;
        Directory.CreateDirectory(Path.Combine(_folder, name));
        Sync();
        return MoveTo(name);
    }

    public IReadOnlyList<string> List() =>
    [
        .. Directory.EnumerateFiles(_folder).Select(path => Path.GetFileName(path)!)
            .Where(name => name != LockName).Order(StringComparer.Ordinal),
    ];

    public ILogFile Open(string name) => new DiskLogFile(File.OpenHandle(
        Path.Combine(_folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));

    public void Delete(string name) => File.Delete(Path.Combine(_folder, name));

    // Only with overwriting allowed this is one call of the system: without, both names may be left.
    public void Rename(string name, string newName) =>
        File.Move(Path.Combine(_folder, name), Path.Combine(_folder, newName), overwrite: true);

    /// <summary>
    /// Syncs the folder itself; Windows makes names durable with the files and has no such call.
    /// </summary>
    public void Sync() => Sync(_folder);

    public void Dispose() => _lock.Dispose();

    private IEnumerable<string> Aside() => Directory.EnumerateDirectories(_folder, AsidePrefix + "*")
        .Select(path => Path.GetFileName(path)!);

    private string MoveTo(string unfinished)
    {
        var from = Path.Combine(_folder, unfinished);
        var to = from[..^UnfinishedSuffix.Length];
        foreach (var file in List())
        {
            File.Move(Path.Combine(_folder, file), Path.Combine(from, file), overwrite: true);
        }

        Sync(from);
        Sync();
        Directory.Move(from, to);
        Sync();
        return to;
    }

    private static void Sync(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens no folders, so the two calls it lacks come from the C library.
        var descriptor = OpenFolder(Encoding.UTF8.GetBytes(folder + "\0"), 0);
        if (descriptor < 0)
        {
            throw new IOException(
                $"cannot open folder {folder} to sync it: error {Marshal.GetLastPInvokeError()}");
        }

        try
        {
            if (SyncDescriptor(descriptor) != 0)
            {
                throw new IOException($"cannot sync folder {folder}: error {Marshal.GetLastPInvokeError()}");
            }
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    // Blittable signatures, so that neither marshalling code nor unsafe blocks are needed; the path ends in a
    // zero byte.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenFolder(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int SyncDescriptor(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseDescriptor(int descriptor);
}
