using System.CommandLine;

namespace Testbed.Harness.Cli;

/// <summary>
/// Turns what the parser found into one line that says what is wrong, and one that says where to read on.
/// </summary>
internal static class UsageErrors
{
    /// <summary>The lines for a command line that could not be parsed.</summary>
    public static IReadOnlyList<string> Lines(ParseResult result)
    {
        var command = result.CommandResult.Command;
        var path = HelpText.Path(command);
        return [Problem(result, command, path), $"try '{path} --help'"];
    }

    private static string Problem(ParseResult result, Command command, string path)
    {
        if (result.UnmatchedTokens.Count > 0)
        {
            return Unmatched(result.UnmatchedTokens[0], command, path);
        }

        // Our own parsers' errors name the option; they come before the library's, which repeat them in other
        // words.
        var message = result.Errors[0].Message;
        if (command.Subcommands.Count > 0 && result.Errors[0].SymbolResult == result.CommandResult)
        {
            var verbs = command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);
            return $"{path} needs a verb: {string.Join(", ", verbs)}";
        }

        if (message.StartsWith("Required argument '", StringComparison.Ordinal))
        {
            return $"{path} needs {message.Split('\'')[1]}";
        }

        return Plain(message);
    }

    private static string Unmatched(string token, Command command, string path)
    {
        if (token.StartsWith('-') && token.Length > 1)
        {
            var name = token.Split('=', ':')[0];
            var options = command.Options.Where(o => !o.Hidden).Select(o => o.Name);
            return $"{path} has no option {name}" + Suggestions.Hint(name, options);
        }

        if (command.Subcommands.Count == 0)
        {
            return $"{path} does not take '{token}'";
        }

        return $"there is no verb '{token}'"
            + Suggestions.Hint(token, command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name));
    }

    /// <summary>The library's own words, as one line in our style.</summary>
    private static string Plain(string message)
    {
        const string missing = "Required argument missing for option: ";
        var line = message.ReplaceLineEndings(" ");
        if (line.StartsWith(missing, StringComparison.Ordinal))
        {
            return line[missing.Length..].Trim('\'', '.') + " needs a value";
        }

        if (line.Contains("expects a single argument but", StringComparison.Ordinal))
        {
            return line.Split('\'')[1] + " was given more than once";
        }

        return line.TrimEnd('.');
    }
}
