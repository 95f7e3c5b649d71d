using System.Diagnostics;
using System.Globalization;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// Tells a process from a later one with the same id, so that nothing is ever sent to a stranger: the id
/// together with the start time.
/// </summary>
internal static class ProcessIdentity
{
    /// <summary>
    /// A text that only this process has; null when no such process lives (a zombie does not).
    /// </summary>
    public static string? StartToken(int pid)
    {
        if (OperatingSystem.IsLinux())
        {
            return ReadStat(pid) is { } fields && fields[0] is not ("Z" or "X") && fields.Length > 19 ? fields[19] : null;
        }

        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited
                ? null
                : process.StartTime.ToUniversalTime().Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>True when the process with this id is still the one the token was taken of.</summary>
    public static bool IsAlive(int pid, string startToken) => StartToken(pid) == startToken;

    /// <summary>
    /// State letter of /proc/&lt;pid&gt;/stat: R, S, D, T (stopped), Z; null elsewhere or when it is gone.
    /// </summary>
    public static string? State(int pid) => OperatingSystem.IsLinux() ? ReadStat(pid)?[0] : null;

    /// <summary>
    /// The fields from the third (state) on; the second, the name, may itself hold blanks and parentheses.
    /// </summary>
    private static string[]? ReadStat(int pid)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
