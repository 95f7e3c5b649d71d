using System.Text;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Reads data-driven test files: comments, directives (a backslash continues the line), input, the separator
/// <c>----</c> and the expected output. That ends at a blank line, or, where the separator is doubled, at the
/// next doubled one. <c>subtest name</c> and <c>subtest end</c> stand alone.
/// </summary>
internal sealed class DataDrivenReader
{
    private const string Separator = "----";

    private readonly string _name;
    private readonly string[] _lines;
    private readonly List<(string Name, string Position)> _subtests = [];
    private int _next;

    private DataDrivenReader(string name, string text)
    {
        _name = name;
        _lines = text.ReplaceLineEndings("\n").Split('\n');
        if (_lines[^1].Length == 0)
        {
            _lines = _lines[..^1];
        }
    }

    public static IReadOnlyList<DataDrivenCase> ReadFile(string path) =>
        ReadText(path, File.ReadAllText(path));

    public static IReadOnlyList<DataDrivenCase> ReadText(string name, string text)
    {
        var reader = new DataDrivenReader(name, text);
        var cases = new List<DataDrivenCase>();
        while (reader.ReadCase() is { } one)
        {
            cases.Add(one);
        }

        return cases;
    }

    private DataDrivenCase? ReadCase()
    {
        while (Take(out var line))
        {
            var position = $"{_name}:{_next}";
            line = line.Trim();
            if (line.StartsWith('#'))
            {
                continue;
            }

            while (line.EndsWith('\\') && Take(out var more))
            {
                line = line[..^1] + " " + more.Trim();
            }

            var (command, arguments) = DirectiveParser.Parse(line, position);
            if (command == "subtest")
            {
                Subtest(arguments, position);
            }
            else if (command.Length > 0)
            {
                var separated = TakeInput(out var input);
                return new DataDrivenCase
                {
                    Position = position, Command = command, Arguments = arguments, Input = input,
                    Expected = separated ? TakeExpected(position) : "",
                    Subtest = _subtests.Count > 0 ? _subtests[^1].Name : "",
                };
            }
        }

        return _subtests.Count == 0
            ? null
            : throw new DataDrivenException($"{_subtests[^1].Position}: this subtest has no end");
    }

    private void Subtest(IReadOnlyList<DataDrivenArgument> arguments, string position)
    {
        var name = arguments.Count > 0 ? arguments[0].Key : "";
        if (name == "end")
        {
            if (_subtests.Count == 0 || (arguments.Count > 1 && arguments[1].Key != _subtests[^1].Name))
            {
                throw new DataDrivenException($"{position}: no such subtest is open");
            }

            _subtests.RemoveAt(_subtests.Count - 1);
            return;
        }

        var prefix = _subtests.Count > 0 ? _subtests[^1].Name + "/" : "";
        if (arguments.Count != 1 || !name.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw new DataDrivenException(
                $"{position}: a subtest here has one name, beginning with '{prefix}'");
        }

        _subtests.Add((name, position));
    }

    /// <summary>False when the file ends before a separator: then nothing is expected.</summary>
    private bool TakeInput(out string input)
    {
        var text = new StringBuilder();
        while (Take(out var line))
        {
            if (line == Separator)
            {
                input = text.ToString().Trim();
                return true;
            }

            text.Append(line).Append('\n');
        }

        input = text.ToString().Trim();
        return false;
    }

    private string TakeExpected(string position)
    {
        var text = new StringBuilder();
        var doubled = _next < _lines.Length && _lines[_next] == Separator;
        if (!doubled)
        {
            while (Take(out var line) && !string.IsNullOrWhiteSpace(line))
            {
                text.Append(line).Append('\n');
            }

            return text.ToString();
        }

        _next++;
        while (Take(out var line))
        {
            if (line == Separator && _next < _lines.Length && _lines[_next] == Separator)
            {
                _next++;
                return !Take(out var after) || after.Length == 0
                    ? text.ToString()
                    : throw new DataDrivenException($"{_name}:{_next}: a blank line ends a doubled section");
            }

            text.Append(line).Append('\n');
        }

        throw new DataDrivenException($"{position}: its doubled section has no end");
    }

    private bool Take(out string line)
    {
        var any = _next < _lines.Length;
        line = any ? _lines[_next++] : "";
        return any;
    }
}
