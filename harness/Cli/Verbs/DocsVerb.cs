using System.CommandLine;
using System.Text;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>docs cli</c>: the text of docs/CLI.md, made of the help of every verb.</summary>
internal static class DocsVerb
{
    /// <summary>The verb; not shown in the help.</summary>
    public static Verb Create(CliContext context)
    {
        var cli = new Verb("cli", "Prints docs/CLI.md.", "harness docs cli > docs/CLI.md").Does((parse, _) =>
        {
            context.Out.Write(Render(parse.RootCommandResult.Command));
            return Task.FromResult(ExitCodes.Ok);
        });
        return new Verb("docs", "Prints parts of the documentation.", "harness docs cli > docs/CLI.md")
        {
            Hidden = true,
        }.With(cli);
    }

    /// <summary>The document.</summary>
    public static string Render(Command root)
    {
        var text = new StringBuilder();
        text.Append("# Command line\n\nMade by `harness docs cli > docs/CLI.md`; a test keeps it so.\n\n");
        text.Append("Start it with `./harness.sh` (`harness.cmd` on Windows), or `dotnet run -c Release --project harness --`.\n\n");
        text.Append("Exit codes: 0 ok · 1 threshold missed, key absent or operation failed · 2 history invalid · ");
        text.Append("3 history or outcome undecided · 4 run void (generator saturated, fault not applied, cluster did not start) · ");
        text.Append("64 wrong usage · 70 bug in the harness · 130 interrupted.\n");
        Append(text, root);
        return text.ToString();
    }

    private static void Append(StringBuilder text, Command command)
    {
        text.Append("\n## ").Append(HelpText.Path(command)).Append("\n\n```\n").Append(HelpText.Of(command)).Append("```\n");
        foreach (var child in command.Subcommands.Where(c => !c.Hidden))
        {
            Append(text, child);
        }
    }
}
