using System.Text;

namespace Testbed.Workloads.Properties;

/// <summary>A property as written: where, name, value.</summary>
internal readonly record struct PropertyLine(string Where, string Name, string Value);

/// <summary>
/// Reads the format of java.util.Properties, which YCSB's workload files are written in: <c>name=value</c>,
/// <c>name: value</c> or <c>name value</c>; <c>#</c> and <c>!</c> begin comment lines; a backslash at the end
/// of a line continues it; <c>\t \n \r \f \uXXXX</c> and escaped separators.
/// </summary>
internal static class PropertyFile
{
    /// <summary>
    /// All properties in the order of the file; lines that are none go to <paramref name="errors"/>.
    /// </summary>
    public static List<PropertyLine> Read(WorkloadFile file, List<string> errors)
    {
        var properties = new List<PropertyLine>();
        var lines = file.Text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var number = i + 1;
            var line = lines[i].TrimStart(' ', '\t', '\f', '\uFEFF');
            if (line.Length == 0 || line[0] is '#' or '!')
            {
                continue;
            }

            var logical = new StringBuilder(line);
            while (EndsInContinuation(logical) && i + 1 < lines.Length)
            {
                logical.Length--;
                logical.Append(lines[++i].TrimStart(' ', '\t', '\f'));
            }

            var where = string.Create(Invariant, $"{file.Name}:{number}");
            ReadLogical(logical.ToString(), where, properties, errors);
        }

        return properties;
    }

    /// <summary>Reads <c>-p name=value</c> arguments.</summary>
    public static List<PropertyLine> ReadOverrides(IReadOnlyList<string> overrides, List<string> errors)
    {
        var properties = new List<PropertyLine>();
        foreach (var text in overrides)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || text[..equals].Trim().Length == 0)
            {
                errors.Add($"-p {text}: this is not a property; write -p name=value");
                continue;
            }

            properties.Add(new PropertyLine($"-p {text}", text[..equals].Trim(), text[(equals + 1)..].Trim()));
        }

        return properties;
    }

    private static IFormatProvider Invariant => System.Globalization.CultureInfo.InvariantCulture;

    private static bool EndsInContinuation(StringBuilder line)
    {
        var backslashes = 0;
        while (backslashes < line.Length && line[line.Length - 1 - backslashes] == '\\')
        {
            backslashes++;
        }

        return backslashes % 2 == 1;
    }

    private static void ReadLogical(
        string line, string where, List<PropertyLine> properties, List<string> errors)
    {
        var end = 0;
        while (end < line.Length && line[end] is not ('=' or ':' or ' ' or '\t' or '\f'))
        {
            end += line[end] == '\\' ? 2 : 1;
        }

        end = Math.Min(end, line.Length);
        var start = end;
        while (start < line.Length && line[start] is ' ' or '\t' or '\f')
        {
            start++;
        }

        if (start < line.Length && line[start] is '=' or ':')
        {
            start++;
        }
        else if (start == line.Length)
        {
            errors.Add($"{where}: \"{Shorten(line)}\" has no value; write name=value");
            return;
        }

        if (!TryUnescape(line[..end], out var name) || !TryUnescape(line[start..].Trim(), out var value))
        {
            errors.Add($"{where}: \"{Shorten(line)}\" has a \\u without four hexadecimal digits; correct the escape");
            return;
        }

        if (name.Length == 0)
        {
            errors.Add($"{where}: \"{Shorten(line)}\" has no name; write name=value");
            return;
        }

        properties.Add(new PropertyLine(where, name, value));
    }

    private static bool TryUnescape(string text, out string plain)
    {
        plain = text;
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return true;
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }

            var escaped = text[++i];
            if (escaped != 'u')
            {
                result.Append(escaped switch { 't' => '\t', 'n' => '\n', 'r' => '\r', 'f' => '\f', _ => escaped });
                continue;
            }

            if (i + 4 >= text.Length
                || !ushort.TryParse(text.AsSpan(i + 1, 4), System.Globalization.NumberStyles.AllowHexSpecifier,
                    Invariant, out var code))
            {
                return false;
            }

            result.Append((char)code);
            i += 4;
        }

        plain = result.ToString();
        return true;
    }

    private static string Shorten(string line) => line.Length <= 60 ? line : line[..57] + "...";
}
