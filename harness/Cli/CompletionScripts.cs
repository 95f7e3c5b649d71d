using System.CommandLine;
using System.CommandLine.Completions;
using System.Text;

namespace Testbed.Harness.Cli;

/// <summary>
/// Completion scripts as tables: for each verb the words that may follow it, for each option its words. Each
/// shell gets the same table in its own language.
/// </summary>
internal static class CompletionScripts
{
    private const string BashBody = """
        _harness() {
          local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path="" word
          for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
            case "$word" in -*) break ;; esac
            if _harness_words "${path:+$path }$word" >/dev/null; then path="${path:+$path }$word"; else break; fi
          done
          local words
          words=$(_harness_values "$path $previous") || words=$(_harness_words "$path")
          COMPREPLY=($(compgen -W "$words" -- "$current"))
          [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
        }

        """;

    private const string PwshBody = """
        Register-ArgumentCompleter -Native -CommandName harness, harness.cmd, harness.sh -ScriptBlock {
            param($word, $ast, $position)
            $path = ''
            $previous = ''
            $tokens = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
            if ($word -and $tokens.Count) { $tokens = @($tokens | Select-Object -SkipLast 1) }
            foreach ($token in $tokens) {
                $previous = $token
                $next = if ($path) { "$path $token" } else { $token }
                if ($words.ContainsKey($next)) { $path = $next }
            }
            $list = if ($values.ContainsKey("$path $previous")) { $values["$path $previous"] } else { $words[$path] }
            $list -split ' ' | Where-Object { $_ -like "$word*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }

        """;

    /// <summary>The script for a shell.</summary>
    public static string Render(string shell, Command root)
    {
        var entries = Entries(root, "").ToList();
        return shell switch
        {
            "bash" => Bash(entries),
            "zsh" => "autoload -U +X bashcompinit && bashcompinit\n" + Bash(entries),
            "fish" => Fish(entries),
            _ => Pwsh(entries),
        };
    }

    private static IEnumerable<Entry> Entries(Command command, string path)
    {
        var options = command.Options.Where(o => !o.Hidden).ToList();
        var values = options.Concat<Symbol>(command.Arguments).Select(s => (s.Name, Words: WordsOf(s)));
        yield return new Entry(
            path,
            command.Description ?? "",
            [.. command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name)],
            [.. options.Select(o => o.Name)],
            [.. values.Where(v => v.Words.Length > 0)]);
        foreach (var child in command.Subcommands.Where(c => !c.Hidden))
        {
            foreach (var entry in Entries(child, path.Length == 0 ? child.Name : path + " " + child.Name))
            {
                yield return entry;
            }
        }
    }

    private static string[] WordsOf(Symbol symbol)
    {
        var sources = symbol switch
        {
            Option option => option.CompletionSources,
            Argument argument => argument.CompletionSources,
            _ => [],
        };
        return [.. sources.SelectMany(s => s(CompletionContext.Empty)).Select(i => i.Label)];
    }

    private static string Bash(List<Entry> entries)
    {
        var text = new StringBuilder("# harness completion\n_harness_words() {\n  case \"$1\" in\n");
        foreach (var entry in entries)
        {
            text.Append($"    \"{entry.Path}\") echo \"{string.Join(' ', entry.All)}\" ;;\n");
        }

        text.Append("    *) return 1 ;;\n  esac\n}\n\n_harness_values() {\n  case \"$1\" in\n");
        foreach (var (path, option, words) in Values(entries))
        {
            text.Append($"    \"{path} {option}\") echo \"{string.Join(' ', words)}\" ;;\n");
        }

        text.Append("    *) return 1 ;;\n  esac\n}\n\n").Append(BashBody);
        return text.Append("complete -F _harness harness harness.sh ./harness.sh\n").ToString();
    }

    private static string Fish(List<Entry> entries)
    {
        var text = new StringBuilder("# harness completion\n");
        foreach (var entry in entries)
        {
            var seen = entry.Path.Length == 0
                ? "__fish_use_subcommand"
                : string.Join("; and ", entry.Path.Split(' ').Select(w => "__fish_seen_subcommand_from " + w));
            foreach (var verb in entry.Verbs)
            {
                var child = entries.Find(e => e.Path == (entry.Path.Length == 0 ? verb : entry.Path + " " + verb));
                var description = (child?.Description ?? "").Replace("'", "\\'", StringComparison.Ordinal);
                text.Append($"complete -c harness -f -n '{seen}' -a {verb} -d '{description}'\n");
            }

            foreach (var option in entry.Options)
            {
                var words = Array.Find(entry.Values, v => v.Name == option).Words;
                var argument = words is null ? "" : $" -x -a '{string.Join(' ', words)}'";
                text.Append($"complete -c harness -n '{seen}' -l {option.TrimStart('-')}{argument}\n");
            }
        }

        return text.ToString();
    }

    private static string Pwsh(List<Entry> entries)
    {
        var text = new StringBuilder("# harness completion\n$words = @{\n");
        foreach (var entry in entries)
        {
            text.Append($"    '{entry.Path}' = '{string.Join(' ', entry.All)}'\n");
        }

        text.Append("}\n$values = @{\n");
        foreach (var (path, option, words) in Values(entries))
        {
            text.Append($"    '{path} {option}' = '{string.Join(' ', words)}'\n");
        }

        return text.Append("}\n").Append(PwshBody).ToString();
    }

    private static IEnumerable<(string Path, string Option, string[] Words)> Values(List<Entry> entries) =>
        entries.SelectMany(e => e.Values.Where(v => v.Name.StartsWith('-')).Select(v => (e.Path, v.Name, v.Words)));

    private sealed record Entry(
        string Path, string Description, string[] Verbs, string[] Options, (string Name, string[] Words)[] Values)
    {
        /// <summary>Everything that may follow: verbs, options, and the words of arguments.</summary>
        public IEnumerable<string> All =>
            Verbs.Concat(Values.Where(v => !v.Name.StartsWith('-')).SelectMany(v => v.Words)).Concat(Options);
    }
}
