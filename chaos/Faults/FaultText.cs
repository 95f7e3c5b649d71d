using System.Globalization;

namespace Testbed.Faults;

/// <summary>
/// The language of <c>--fault</c>: <c>KIND:TARGET@AT [for DURATION]</c>, such as <c>pause:leader@10s for
/// 5s</c>. KIND is kill, stop or pause; TARGET is a node (<c>2</c> or <c>n2</c>), any, leader or follower; AT
/// counts from the start of the measured time. Without a duration the fault lasts until the measured time
/// ends.
/// </summary>
public static class FaultText
{
    /// <summary>The kinds, for messages.</summary>
    public const string KindNames = "kill, stop or pause";

    private const string Form = "write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"";

    /// <summary>The name of a kind.</summary>
    public static string NameOf(FaultKind kind) => kind switch
    {
        FaultKind.Kill => "kill",
        FaultKind.Stop => "stop",
        _ => "pause",
    };

    /// <summary>Reads the name of a kind.</summary>
    public static bool TryKind(string text, out FaultKind kind)
    {
        kind = text switch { "stop" => FaultKind.Stop, "pause" => FaultKind.Pause, _ => FaultKind.Kill };
        return NameOf(kind) == text;
    }

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
    internal static (FaultKind Kind, FaultTarget? Target, long AtNanos, long? ForNanos) Parse(string text)
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
        if (words.Length is not (1 or 3) || (words.Length == 3 && words[1] != "for"))
        {
            throw Bad(text, Form);
        }

        if (!TryKind(kindText, out var kind))
        {
            throw Bad(text, $"'{kindText}' is not {KindNames}");
        }

        FaultTarget? target = null;
        if (targetText is not ("any" or "one"))
        {
            target = TryTarget(targetText, out var known)
                ? known
                : throw Bad(text, $"'{targetText}' is not a node number, any, leader or follower");
        }

        var atNanos = Duration(text, words[0]);
        return (kind, target, atNanos, words.Length == 3 ? Duration(text, words[2]) : null);
    }

    private static long Duration(string text, string word) => DurationText.TryParse(word, out var nanos)
        ? nanos
        : throw Bad(text, $"'{word}' is not a duration such as 10s or 500ms");

    private static FaultPlanException Bad(string text, string why) => new($"--fault \"{text}\": {why}");
}
