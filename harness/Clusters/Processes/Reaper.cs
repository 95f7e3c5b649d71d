using System.Diagnostics;
using System.Globalization;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// A tiny shell process that outlives a crash of the harness. A node notices the end of its standard input by
/// itself, but a paused one cannot: at the end of its own input the reaper wakes and kills the nodes it was
/// told of, if they are still the same processes, and removes their temporary data. Not needed on Windows,
/// where nodes cannot be paused.
/// </summary>
internal sealed class Reaper : IDisposable
{
    // The last line counts: "pid:start pid:start ...". Field 22 of stat is the start time; 20th after the
    // name was cut off.
    private const string Script = """
        exec >/dev/null 2>&1
        trap '' INT HUP TERM
        nodes=''
        data=$1
        while IFS= read -r line; do
          nodes=$line
          if [ "$line" = 'let go' ]; then nodes=''; data=''; fi
        done
        for entry in $nodes; do
          pid=${entry%%:*}; start=${entry#*:}
          if [ "$start" != - ]; then
            stat=$(cat "/proc/$pid/stat") || continue
            set -- ${stat##*) }
            [ "${20}" = "$start" ] || continue
          fi
          kill -KILL "$pid"
          kill -CONT "$pid"
        done
        [ -f "$data/.testbed-data" ] && rm -rf -- "$data"
        exit 0
        """;

    private readonly Process _shell;
    private readonly Lock _lock = new();
    private bool _disposed;

    private Reaper(Process shell) => _shell = shell;

    /// <summary>Starts one; null on Windows.</summary>
    public static Reaper? Start(string dataFolder)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        // Its own session, where the tool exists: it also survives when the harness's whole process group is
        // killed.
        var info = new ProcessStartInfo { UseShellExecute = false, RedirectStandardInput = true };
        var setsid = new[] { "/usr/bin/setsid", "/bin/setsid" }.FirstOrDefault(File.Exists);
        info.FileName = setsid ?? "/bin/sh";
        string[] words = ["-c", Script, "testbed-reaper", dataFolder];
        foreach (var word in setsid is null ? words : ["/bin/sh", .. words])
        {
            info.ArgumentList.Add(word);
        }

        var shell = Process.Start(info)
            ?? throw new ClusterStartException("the reaper process did not start");
        return new Reaper(shell);
    }

    /// <summary>Tells which processes live now; replaces what was told before.</summary>
    public void Watch(IEnumerable<(int Pid, string? StartToken)> nodes)
    {
        var line = string.Join(' ', nodes.Select(n => string.Create(
            CultureInfo.InvariantCulture, $"{n.Pid}:{(OperatingSystem.IsLinux() ? n.StartToken ?? "0" : "-")}")));
        Send(line);
    }

    private void Send(string line)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            try
            {
                _shell.StandardInput.Write(line + "\n");
                _shell.StandardInput.Flush();
            }
            catch (IOException)
            {
                // Somebody ended the reaper. Nodes still notice the end of their own input; only a paused one
                // would be left.
            }
        }
    }

    /// <summary>Nodes and data shall outlive the harness from now on.</summary>
    public void LetGo() => Send("let go");

    /// <summary>Ends it; call after the nodes are gone and <see cref="Watch"/> was told so.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            try
            {
                _shell.StandardInput.Dispose();
            }
            catch (IOException)
            {
                // It ended before us; nothing is left to tell it.
            }
        }

        _shell.WaitForExit(2_000);
        _shell.Dispose();
    }
}
