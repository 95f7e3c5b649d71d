using Testbed.Results;

namespace Testbed.Reports;

/// <summary>The command that runs it again.</summary>
internal static class RunCommand
{
    /// <summary>The arguments as typed, quoted for a shell, with the seed pinned.</summary>
    public static string Of(Manifest manifest)
    {
        List<string> words = ["harness", .. manifest.Argv.Select(Quote)];
        bool seeded = manifest.Argv.Any(a =>
            a == "--seed" || a.StartsWith("--seed=", StringComparison.Ordinal));
        if (!seeded)
        {
            words.Add($"--seed {manifest.Seed}");
        }

        return string.Join(' ', words);
    }

    private static string Quote(string word)
    {
        bool plain = word.Length > 0
            && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_=./:,+@%".Contains(c));
        return plain ? word : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
    }
}
