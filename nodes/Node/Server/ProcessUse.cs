using System.Globalization;
using System.Text;

namespace Testbed.Node.Server;

/// <summary>
/// What the system says this process uses, for those who cannot look at it from outside; null where it does
/// not tell.
/// </summary>
/// <param name="WorkingSetBytes">Resident memory that no file backs.</param>
/// <param name="DiskReadBytes">Bytes read from block devices.</param>
/// <param name="DiskWriteBytes">Bytes written towards block devices.</param>
internal readonly record struct ProcessUse(long? WorkingSetBytes, long? DiskReadBytes, long? DiskWriteBytes)
{
    /// <summary>The use now.</summary>
    public static ProcessUse Read()
    {
        if (!OperatingSystem.IsLinux())
        {
            return default;
        }

        var io = Text("/proc/self/io");
        return new ProcessUse(Unbacked(Text("/proc/self/statm")), Value(io, "read_bytes: "), Value(io, "write_bytes: "));
    }

    /// <summary>From <c>statm</c>: size, resident and file-backed pages.</summary>
    internal static long? Unbacked(string statm)
    {
        var words = statm.Split(' ');
        return words.Length >= 3 && Number(words[1]) is { } resident && Number(words[2]) is { } backed
            ? (resident - backed) * Environment.SystemPageSize
            : null;
    }

    /// <summary>From <c>io</c>: the number behind a name at the start of a line.</summary>
    internal static long? Value(string io, string name)
    {
        foreach (var line in io.Split('\n'))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return Number(line[name.Length..]);
            }
        }

        return null;
    }

    private static long? Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file, Encoding.ASCII);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
