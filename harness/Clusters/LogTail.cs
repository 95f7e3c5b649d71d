using System.Text;

namespace Testbed.Harness.Clusters;

/// <summary>Reads the end of a log for error messages.</summary>
internal static class LogTail
{
    private const int TailBytes = 8 * 1024;
    private const int MaxLine = 200;

    /// <summary>The last line that is not empty, shortened; "(empty)" when there is none.</summary>
    public static string LastLine(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            stream.Seek(-Math.Min(stream.Length, TailBytes), SeekOrigin.End);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            return LastLineOf(reader.ReadToEnd());
        }
        catch (IOException)
        {
            return "(empty)";
        }
    }

    /// <summary>The same of a text.</summary>
    public static string LastLineOf(string text)
    {
        var line = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
        return line is null ? "(empty)" : line.Length > MaxLine ? line[..MaxLine] + "..." : line;
    }
}
