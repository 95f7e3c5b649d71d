using System.Globalization;

namespace Testbed.Faults;

/// <summary>
/// The language of <c>--fault</c>: <c>KIND:TARGET@AT [for DURATION] [to CPUS]</c>, such as
/// <c>pause:leader@10s for 5s</c>. KIND is one of <see cref="FaultKinds"/>; TARGET is a node (<c>2</c> or
/// <c>n2</c>), any, leader or follower; AT counts from the start of the measured time. Without a duration the
/// fault lasts until the measured time ends, and a restart as short as it can. CPUS is the share a throttled
/// node keeps.
/// </summary>
public static class FaultText
{
    /// <summary>CPUs a throttled node keeps when nothing else is said.</summary>
    public const double DefaultThrottleCpus = 0.2;

    /// <summary>Fewest CPUs a node can be throttled to: the kernel's smallest quota is 1 ms of 100 ms.</summary>
    public const double MinThrottleCpus = 0.01;

    private const string Form = "write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"";

    /// <summary>Reads a fixed node or a role; <c>any</c> is not one, a plan names the node it drew.</summary>
    public static bool TryTarget(string text, out FaultTarget target)
    {
        target = text switch
        {
            "leader" => FaultTarget.Leader,
            "follower" => FaultTarget.Follower,
            _ => FaultTarget.Node(-1),
        };
        if (target.Kind != TargetKind.Node)
        {
            return true;
        }

        var digits = text.StartsWith('n') ? text.AsSpan(1) : text;
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return false;
        }

        target = FaultTarget.Node(index);
        return true;
    }

    /// <summary>
    /// One fault as written; target is null for <c>any</c>. Throws <see cref="FaultPlanException"/>.
    /// </summary>
    internal static FaultWords Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        if (colon < 0 || at < colon)
        {
            throw Bad(text, Form);
        }

        var kindText = text[..colon].Trim();
        var targetText = text[(colon + 1)..at].Trim();
        var words = text[(at + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (!FaultKinds.TryParse(kindText, out var kind))
        {
            throw Bad(text, $"'{kindText}' is not {FaultKinds.AllNames}");
        }

        FaultTarget? target = null;
        if (targetText is not ("any" or "one"))
        {
            target = TryTarget(targetText, out var known)
                ? known
                : throw Bad(text, $"'{targetText}' is not a node number, any, leader or follower");
        }

        var (lasts, amount) = Options(text, kind, words);
        return new FaultWords(kind, target, Duration(text, words[0]), lasts, amount);
    }

    /// <summary>What follows the time: <c>for DURATION</c>, <c>to CPUS</c>, each at most once.</summary>
    private static (long? ForNanos, double? Amount) Options(string text, FaultKind kind, string[] words)
    {
        long? lasts = kind is FaultKind.Restart or FaultKind.Transfer or FaultKind.Replace ? 1 : null;
        double? amount = kind == FaultKind.Throttle ? DefaultThrottleCpus : null;
        if (words.Length % 2 == 0 || words.Length > 5 || (words.Length == 5 && words[1] == words[3]))
        {
            throw Bad(text, Form);
        }

        for (var i = 1; i < words.Length; i += 2)
        {
            if (words[i] == "for")
            {
                lasts = Duration(text, words[i + 1]);
            }
            else if (words[i] == "to" && kind == FaultKind.Throttle)
            {
                amount = Cpus(text, words[i + 1]);
            }
            else
            {
                throw Bad(text, words[i] == "to" ? "only a throttle takes \"to CPUS\"" : Form);
            }
        }

        return (lasts, amount);
    }

    private static double Cpus(string text, string word) =>
        double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cpus)
            && cpus is >= MinThrottleCpus and <= 64
            ? cpus
            : throw Bad(text, $"'{word}' is not a number of CPUs from 0.01 to 64, such as 0.2");

    private static long Duration(string text, string word) => DurationText.TryParse(word, out var nanos)
        ? nanos
        : throw Bad(text, $"'{word}' is not a duration such as 10s or 500ms");

    private static FaultPlanException Bad(string text, string why) => new($"--fault \"{text}\": {why}");
}

/// <summary>One fault as a person wrote it; target null for <c>any</c>.</summary>
internal readonly record struct FaultWords(
    FaultKind Kind, FaultTarget? Target, long AtNanos, long? ForNanos, double? Amount);
