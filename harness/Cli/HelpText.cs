using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Testbed.Harness.Cli;

/// <summary>Help as text: the same on a terminal, in a pipe, and in docs/CLI.md.</summary>
internal static class HelpText
{
    private const int Width = 100;
    private const int Gap = 2;
    private const int WidestName = 34;

    /// <summary>The help of a command.</summary>
    public static string Of(Command command)
    {
        var text = new StringBuilder();
        text.Append(command.Description).Append("\n\nUsage:\n  ").Append(Usage(command)).Append('\n');
        Section(text, "Arguments", command.Arguments.Where(a => !a.Hidden)
            .Select(a => (a.HelpName ?? a.Name, a.Description ?? "")));
        Section(text, "Verbs", command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, c.Description ?? "")));
        foreach (var (title, options) in Sections(command))
        {
            Section(text, title, options.Where(o => !o.Hidden).Select(o => (Names(o), Describe(o))));
        }

        if (command is Verb { Examples.Count: > 0 } verb)
        {
            text.Append(verb.Examples.Count == 1 ? "\nExample:\n" : "\nExamples:\n");
            foreach (var example in verb.Examples)
            {
                text.Append("  ").Append(example).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>The words that call a command, from the program's name on.</summary>
    public static string Path(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent
        ? Path(parent) + " " + command.Name
        : CommandTree.ProgramName;

    private static string Usage(Command command)
    {
        var words = new List<string> { Path(command) };
        if (command.Subcommands.Any(c => !c.Hidden))
        {
            words.Add("<verb>");
        }

        words.AddRange(command.Arguments.Where(a => !a.Hidden).Select(a => a.Arity.MinimumNumberOfValues == 0
            ? $"[{a.HelpName ?? a.Name}]"
            : a.HelpName ?? a.Name));
        words.Add("[options]");
        return string.Join(' ', words);
    }

    private static IEnumerable<(string Title, IReadOnlyList<Option> Options)> Sections(Command command)
    {
        var sections = command is Verb verb ? verb.Sections : [];
        var seen = sections.SelectMany(s => s.Options).ToHashSet();
        var rest = command.Options.Where(o => !seen.Contains(o)).ToList();
        // "Options" is one section whether its options came with the verb or with the parser (help).
        var common = sections.Where(s => s.Title == "Options").SelectMany(s => s.Options).Concat(rest).ToList();
        return sections.Where(s => s.Title != "Options").Append(("Options", common));
    }

    private static string Names(Option option)
    {
        var aliases = option.Aliases.Where(a => a.StartsWith('-') && a is not ("-?" or "/h" or "/?")).ToList();
        var names = string.Join(", ", aliases.Where(a => a.Length == 2).Append(option.Name));
        return option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool)
            ? $"{names} <{option.HelpName ?? "value"}>"
            : names;
    }

    private static string Describe(Option option)
    {
        var description = option.Description ?? "";
        return option.HasDefaultValue && option.ValueType != typeof(bool) && option.GetDefaultValue() is { } value
            ? description + string.Create(CultureInfo.InvariantCulture, $" [default: {value}]")
            : description;
    }

    private static void Section(StringBuilder text, string title, IEnumerable<(string Name, string Description)> rows)
    {
        var list = rows.ToList();
        if (list.Count == 0)
        {
            return;
        }

        text.Append('\n').Append(title).Append(":\n");
        var column = Math.Min(WidestName, list.Max(r => r.Name.Length)) + 2 + Gap;
        foreach (var (name, description) in list)
        {
            var line = new StringBuilder("  ").Append(name);
            var lines = Wrap(description, Width - column);
            if (line.Length + Gap > column)
            {
                text.Append(line).Append('\n');
                line.Clear();
            }

            line.Append(' ', column - line.Length).Append(lines[0]);
            text.Append(line.ToString().TrimEnd()).Append('\n');
            foreach (var more in lines.Skip(1))
            {
                text.Append(' ', column).Append(more).Append('\n');
            }
        }
    }

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string> { "" };
        foreach (var word in text.Split(' '))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + 1 + word.Length > width)
            {
                lines.Add(word);
            }
            else
            {
                lines[^1] = lines[^1].Length == 0 ? word : lines[^1] + " " + word;
            }
        }

        return lines;
    }
}
