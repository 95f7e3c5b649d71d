using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Testbed.Harness.Load;

/// <summary>
/// Sleeps for tens of microseconds, where Thread.Sleep knows milliseconds only: nanosleep with the kernel's
/// timer slack lowered to 1 us for this thread (Linux), nanosleep (macOS), a high-resolution waitable timer
/// (Windows).
/// </summary>
internal sealed class PreciseSleeper : IDisposable
{
    private const int SetTimerSlack = 29;
    private const uint HighResolution = 2;
    private const uint AllAccess = 0x1F0003;
    private const uint Infinite = 0xFFFFFFFF;
    private readonly nint _timer;

    /// <summary>For the calling thread.</summary>
    public PreciseSleeper()
    {
        if (OperatingSystem.IsWindows())
        {
            _timer = CreateWaitableTimerEx(0, 0, HighResolution, AllAccess);
            if (_timer == 0)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            }
        }
        else if (OperatingSystem.IsLinux())
        {
            // Refused in some sandboxes; then sleeps are 50 us longer, which the schedule lag shows.
            _ = PrCtl(SetTimerSlack, 1000, 0, 0, 0);
        }
    }

    /// <summary>Sleeps about this long; may return early.</summary>
    public void Sleep(long nanos)
    {
        if (OperatingSystem.IsWindows())
        {
            var dueIn100Nanos = -Math.Max(nanos / 100, 1);
            if (SetWaitableTimer(_timer, dueIn100Nanos, 0, 0, 0, false))
            {
                _ = WaitForSingleObject(_timer, Infinite);
                return;
            }

            Thread.Sleep(1);
            return;
        }

        var request = new TimeSpec
        {
            Seconds = (nint)(nanos / 1_000_000_000),
            Nanos = (nint)(nanos % 1_000_000_000),
        };
        _ = NanoSleep(request, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_timer != 0)
        {
            _ = CloseHandle(_timer);
        }
    }

    [DllImport("libc", EntryPoint = "nanosleep")]
    private static extern int NanoSleep(in TimeSpec request, nint remaining);

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int PrCtl(int option, nuint value, nuint unused1, nuint unused2, nuint unused3);

    [DllImport("kernel32", EntryPoint = "CreateWaitableTimerExW", SetLastError = true)]
    private static extern nint CreateWaitableTimerEx(nint attributes, nint name, uint flags, uint access);

    [DllImport("kernel32", EntryPoint = "SetWaitableTimer")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool SetWaitableTimer(
        nint timer, in long due, int period, nint routine, nint argument,
        [MarshalAs(UnmanagedType.Bool)] bool resume);

    [DllImport("kernel32", EntryPoint = "WaitForSingleObject")]
    private static extern uint WaitForSingleObject(nint handle, uint millis);

    [DllImport("kernel32", EntryPoint = "CloseHandle")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CloseHandle(nint handle);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanos;
    }
}
