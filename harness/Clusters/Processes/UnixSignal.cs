using System.Runtime.InteropServices;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>Signals by kill(2); the framework itself only knows SIGKILL and SIGTERM.</summary>
internal static class UnixSignal
{
    /// <summary>SIGKILL.</summary>
    public const int Kill = 9;

    /// <summary>SIGTERM.</summary>
    public const int Terminate = 15;

    /// <summary>SIGSTOP; its number differs between Linux and the BSD family.</summary>
    public static int Stop => OperatingSystem.IsLinux() ? 19 : 17;

    /// <summary>SIGCONT.</summary>
    public static int Continue => OperatingSystem.IsLinux() ? 18 : 19;

    /// <summary>Sends a signal; false with the error number when the system refuses.</summary>
    public static bool TrySend(int pid, int signal, out int error)
    {
        // Zero and negative ids mean process groups to kill(2), and -1 everything there is.
        ArgumentOutOfRangeException.ThrowIfLessThan(pid, 2);
        var sent = KillNative(pid, signal) == 0;
        error = sent ? 0 : Marshal.GetLastPInvokeError();
        return sent;
    }

    /// <summary>Clock ticks per second of /proc/&lt;pid&gt;/stat.</summary>
    public static double ClockTicksPerSecond { get; } =
        OperatingSystem.IsLinux() && SysConf(2) is var ticks and > 0 ? ticks : 100;

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int KillNative(int pid, int signal);

    [DllImport("libc", EntryPoint = "sysconf", SetLastError = true)]
    private static extern nint SysConf(int name);
}
