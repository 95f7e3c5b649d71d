using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// Reads a process's use. On Linux through files of /proc that stay open, 3 reads per sample; one owner, not
/// thread-safe.
/// </summary>
internal sealed class ProcessSampler : IDisposable
{
    private readonly Process _process;
    private readonly SafeFileHandle? _stat;
    private readonly SafeFileHandle? _statm;
    private readonly SafeFileHandle? _io;
    private readonly byte[] _buffer = new byte[1024];

    /// <summary>Begins to watch a process that was just started.</summary>
    public ProcessSampler(Process process)
    {
        _process = process;
        if (OperatingSystem.IsLinux())
        {
            _stat = Open("stat");
            _statm = Open("statm");
            _io = Open("io");
        }
    }

    /// <summary>Its use now; all null once it is gone.</summary>
    public NodeUse Read()
    {
        try
        {
            return OperatingSystem.IsLinux() ? ReadProc() : ReadPortable();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stat?.Dispose();
        _statm?.Dispose();
        _io?.Dispose();
    }

    private NodeUse ReadProc()
    {
        var stat = Text(_stat);
        var statm = Text(_statm).Split(' ');
        if (stat.Length == 0 || statm.Length < 3)
        {
            return default;
        }

        // After the name in parentheses: state is field 3, utime field 14, stime field 15.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = Number(fields[11]) + Number(fields[12]);
        long? read = null;
        long? written = null;
        foreach (var line in Text(_io).Split('\n'))
        {
            read = line.StartsWith("read_bytes: ", StringComparison.Ordinal) ? Number(line[12..]) : read;
            written = line.StartsWith("write_bytes: ", StringComparison.Ordinal) ? Number(line[13..]) : written;
        }

        var resident = Number(statm[1]) * Environment.SystemPageSize;
        var fileBacked = Number(statm[2]) * Environment.SystemPageSize;
        return new NodeUse
        {
            CpuSeconds = ticks / UnixSignal.ClockTicksPerSecond,
            RssBytes = resident,
            WorkingSetBytes = resident - fileBacked,
            DiskReadBytes = read,
            DiskWriteBytes = written,
        };
    }

    private NodeUse ReadPortable()
    {
        _process.Refresh();
        return new NodeUse(_process.TotalProcessorTime.TotalSeconds, _process.WorkingSet64);
    }

    private SafeFileHandle? Open(string name)
    {
        try
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/{name}");
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string Text(SafeFileHandle? file) =>
        file is null ? "" : Encoding.ASCII.GetString(_buffer, 0, RandomAccess.Read(file, _buffer, 0));

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
