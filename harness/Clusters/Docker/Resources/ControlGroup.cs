using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Testbed.Harness.Clusters.Docker.Resources;

/// <summary>
/// Reads a container's control group and interface through files of this machine that stay open: some 10 us
/// per sample, where asking the engine takes most of a second. Version 1 and 2 of control groups. One owner,
/// not thread-safe.
/// </summary>
internal sealed class ControlGroup : INodeResources
{
    private const string Root = "/sys/fs/cgroup";
    private readonly byte[] _buffer = new byte[8192];
    private readonly bool _unified;
    private readonly SafeFileHandle? _cpu;
    private readonly SafeFileHandle? _memoryUsage;
    private readonly SafeFileHandle? _memoryStat;
    private readonly SafeFileHandle? _disk;
    private readonly SafeFileHandle? _io;
    private readonly SafeFileHandle? _network;
    private readonly SafeFileHandle? _statm;
    private readonly SafeFileHandle? _throttled;

    private ControlGroup(int pid, bool unified, Func<string, string> folderOf)
    {
        _unified = unified;
        _cpu = Open(unified ? folderOf("") + "/cpu.stat" : folderOf("cpuacct") + "/cpuacct.usage");
        _memoryUsage = Open(unified ? folderOf("") + "/memory.current" : folderOf("memory") + "/memory.usage_in_bytes");
        _memoryStat = Open(unified ? folderOf("") + "/memory.stat" : folderOf("memory") + "/memory.stat");
        _disk = Open(unified ? folderOf("") + "/io.stat" : folderOf("blkio") + "/blkio.throttle.io_service_bytes_recursive")
            ?? (unified ? null : Open(folderOf("blkio") + "/blkio.throttle.io_service_bytes"));
        _throttled = unified ? null : Open(folderOf("cpu") + "/cpu.stat");
        _io = Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/io"));
        _network = Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/net/dev"));
        _statm = Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/statm"));
    }

    /// <summary>
    /// The group of a container whose first process has this id here; null when its files cannot be read, or
    /// when the process is another one: the engine may live in a namespace or machine of its own.
    /// </summary>
    public static ControlGroup? TryOpen(int pid, string container)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            // v1: "4:memory:/docker/<id>", v2: "0::/system.slice/docker-<id>.scope".
            foreach (var line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cgroup")))
            {
                var parts = line.Split(':', 3);
                foreach (var controller in parts[1].Split(','))
                {
                    paths[controller] = parts[2];
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        if (!paths.Values.Any(p => p.Contains(container, StringComparison.Ordinal)))
        {
            return null;
        }

        var unified = !paths.ContainsKey("memory");
        var group = new ControlGroup(
            pid, unified, controller => $"{Root}/{controller}{paths.GetValueOrDefault(controller)}".Replace("//", "/", StringComparison.Ordinal));
        if (group is { _cpu: not null, _memoryUsage: not null })
        {
            return group;
        }

        group.Dispose();
        return null;
    }

    /// <summary>True when disk bytes are the process's own account, and not those of the group.</summary>
    public bool HasProcessDisk => _io is not null;

    /// <inheritdoc/>
    public NodeUse Read()
    {
        try
        {
            var usage = Number(_memoryUsage);
            var stat = Pairs(_memoryStat);
            var cache = stat.TryGetValue(_unified ? "file" : "total_cache", out var file) ? file : (long?)null;
            var inactive = stat.GetValueOrDefault(_unified ? "inactive_file" : "total_inactive_file");
            var (received, sent) = Network();
            var (read, written) = _io is null ? Disk() : ProcessDisk();
            return new NodeUse
            {
                CpuSeconds = _unified ? Pairs(_cpu).GetValueOrDefault("usage_usec") / 1e6 : Number(_cpu) / 1e9,
                RssBytes = Resident(),
                WorkingSetBytes = usage is { } all ? Math.Max(0, all - inactive) : null,
                CacheBytes = cache,
                InterfaceRxBytes = received,
                InterfaceTxBytes = sent,
                DiskReadBytes = read,
                DiskWriteBytes = written,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException
            or ObjectDisposedException)
        {
            // The container went while it was looked at.
            return default;
        }
    }

    /// <inheritdoc/>
    public (long Throttled, long All)? Throttling()
    {
        try
        {
            var stat = Pairs(_unified ? _cpu : _throttled);
            return stat.TryGetValue("nr_periods", out var all) ? (stat.GetValueOrDefault("nr_throttled"), all) : null;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in (SafeFileHandle?[])[_cpu, _memoryUsage, _memoryStat, _disk, _io, _network, _statm, _throttled])
        {
            file?.Dispose();
        }
    }

    private long? Resident()
    {
        var words = Text(_statm).Split(' ');
        return words.Length > 1 ? Parse(words[1]) * Environment.SystemPageSize : null;
    }

    /// <summary>All interfaces but the loopback: name, then eight fields received, eight sent.</summary>
    private (long? Received, long? Sent) Network()
    {
        long received = 0;
        long sent = 0;
        var found = false;
        foreach (var line in Text(_network).Split('\n'))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0 || line.AsSpan(0, colon).Trim().SequenceEqual("lo"))
            {
                continue;
            }

            var fields = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            received += Parse(fields[0]);
            sent += Parse(fields[8]);
            found = true;
        }

        return found ? (received, sent) : (null, null);
    }

    /// <summary>
    /// The first process's own account, as for clusters of processes: control groups of version 1 do not
    /// charge buffered writes to anybody. Only root and the node's own user may read it.
    /// </summary>
    private (long? Read, long? Written) ProcessDisk()
    {
        var io = Pairs(_io);
        return io.TryGetValue("read_bytes:", out var read) ? (read, io.GetValueOrDefault("write_bytes:")) : (null, null);
    }

    /// <summary>v1: "8:0 Read 4096" per line; v2: "8:0 rbytes=4096 wbytes=0 ..." per device.</summary>
    private (long? Read, long? Written) Disk()
    {
        if (_disk is null)
        {
            return (null, null);
        }

        long read = 0;
        long written = 0;
        foreach (var line in Text(_disk).Split('\n'))
        {
            var words = line.Split(' ');
            for (var i = 1; i < words.Length; i++)
            {
                read += words[i] == "Read" ? Parse(words[i + 1]) : Value(words[i], "rbytes=");
                written += words[i] == "Write" ? Parse(words[i + 1]) : Value(words[i], "wbytes=");
            }
        }

        return (read, written);
    }

    private static long Value(string word, string name) =>
        word.StartsWith(name, StringComparison.Ordinal) ? Parse(word.AsSpan(name.Length)) : 0;

    private Dictionary<string, long> Pairs(SafeFileHandle? file)
    {
        var pairs = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in Text(file).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && long.TryParse(line.AsSpan(space + 1), CultureInfo.InvariantCulture, out var value))
            {
                pairs[line[..space]] = value;
            }
        }

        return pairs;
    }

    private long? Number(SafeFileHandle? file) => Text(file) is { Length: > 0 } text ? Parse(text.AsSpan().Trim()) : null;

    private static long Parse(ReadOnlySpan<char> text) => long.Parse(text, CultureInfo.InvariantCulture);

    private string Text(SafeFileHandle? file) =>
        file is null ? "" : Encoding.ASCII.GetString(_buffer, 0, RandomAccess.Read(file, _buffer, 0));

    private static SafeFileHandle? Open(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
