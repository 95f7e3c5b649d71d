namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Takes a directive line apart: a command, then arguments; values in parentheses may nest.
/// </summary>
internal static class DirectiveParser
{
    public static (string Command, IReadOnlyList<DataDrivenArgument> Arguments) Parse(
        string line, string position)
    {
        var rest = line.AsSpan().Trim();
        var command = Until(ref rest, " ").ToString();
        rest = rest.Trim();
        var arguments = new List<DataDrivenArgument>();
        while (!rest.IsEmpty)
        {
            var key = Until(ref rest, " =").ToString();
            if (key.Length == 0 || !TryValues(ref rest, out var values))
            {
                var column = line.Trim().Length - rest.Length + 1;
                throw new DataDrivenException(
                    $"{position}: cannot parse directive at column {column}: {line}");
            }

            arguments.Add(new DataDrivenArgument(key, values));
            rest = rest.Trim();
        }

        return (command, arguments);
    }

    private static bool TryValues(ref ReadOnlySpan<char> rest, out List<string> values)
    {
        values = [];
        if (rest.IsEmpty || rest[0] != '=')
        {
            return true;
        }

        rest = rest[1..];
        if (rest.IsEmpty || rest[0] != '(')
        {
            values.Add(Until(ref rest, " ").ToString());
            return true;
        }

        var (depth, begin) = (1, 1);
        for (var at = 1; at < rest.Length; at++)
        {
            depth += rest[at] == '(' ? 1 : rest[at] == ')' ? -1 : 0;
            if (depth > 0 && (depth > 1 || rest[at] != ','))
            {
                continue;
            }

            values.Add(rest[begin..at].TrimStart(' ').ToString());
            begin = at + 1;
            if (depth == 0)
            {
                rest = rest[begin..];
                return true;
            }
        }

        return false;
    }

    private static ReadOnlySpan<char> Until(ref ReadOnlySpan<char> rest, string ends)
    {
        var length = rest.IndexOfAny(ends);
        length = length < 0 ? rest.Length : length;
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
