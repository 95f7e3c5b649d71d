using System.CommandLine;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>completion</c>: scripts that need no call of the harness while somebody types.</summary>
internal static class CompletionVerb
{
    private static readonly string[] Shells = ["bash", "zsh", "fish", "pwsh"];

    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context)
    {
        var shell = new Argument<string>("shell") { HelpName = "SHELL", Description = "bash, zsh, fish or pwsh." };
        shell.CompletionSources.Add(Shells);
        return new Verb(
            "completion", "Prints a completion script for a shell.",
            "source <(harness completion bash)", "harness completion fish > ~/.config/fish/completions/harness.fish")
            .With(shell).Does((parse, _) =>
            {
                var name = parse.GetRequiredValue(shell);
                if (!Shells.Contains(name))
                {
                    throw new UsageException($"'{name}' is not {string.Join(", ", Shells[..^1])} or {Shells[^1]}"
                        + Suggestions.Hint(name, Shells));
                }

                context.Out.Write(CompletionScripts.Render(name, parse.RootCommandResult.Command));
                return Task.FromResult(ExitCodes.Ok);
            });
    }
}
