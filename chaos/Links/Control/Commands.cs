using System.Globalization;
using System.Text;

namespace Testbed.Links;

/// <summary>The commands, from text to text; lines end with a line feed.</summary>
internal static class Commands
{
    /// <summary>Carries out one line; the answer ends with a line "ok" or "error ...".</summary>
    public static string Answer(ProxyServer proxy, string line, Action<string> log)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (words.FirstOrDefault(), words.Length) switch
        {
            ("rules", _) => Rules(proxy, words.AsSpan(1), log),
            ("counters", 1) => Counters(proxy),
            ("links", 1) => Links(proxy),
            _ => "error unknown command: use rules, counters or links\n",
        };
    }

    private static string Rules(ProxyServer proxy, ReadOnlySpan<string> words, Action<string> log)
    {
        var rules = new Dictionary<string, LinkRule>(StringComparer.Ordinal);
        foreach (var word in words)
        {
            var colon = word.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0 || !LinkRule.TryParse(word[(colon + 1)..], out var rule))
            {
                return $"error {word}: must be SOURCE>SINK:stall or SOURCE>SINK:reset\n";
            }

            if (!proxy.Board.Knows(word[..colon]))
            {
                return $"error {word}: no link carries such bytes\n";
            }

            if (!rules.TryAdd(word[..colon], rule))
            {
                return $"error {word[..colon]} is given twice\n";
            }
        }

        proxy.Apply(rules);
        log("rules: " + (words.Length == 0 ? "none" : string.Join(' ', words)));
        return "ok\n";
    }

    private static string Counters(ProxyServer proxy)
    {
        var text = new StringBuilder();
        foreach (var link in proxy.Counters())
        {
            text.Append(CultureInfo.InvariantCulture,
                $"link {link.Link} open {link.Open} accepted {link.Accepted} accepted_stalled {link.AcceptedStalled}");
            Append(text, "up", link.Up);
            Append(text, "down", link.Down);
            text.Append('\n');
        }

        return text.Append("ok\n").ToString();
    }

    private static void Append(StringBuilder text, string direction, FlowCounters flow) => text.Append(
        CultureInfo.InvariantCulture,
        $" {direction}_bytes {flow.Bytes} {direction}_waiting {flow.WaitingBytes} {direction}_held {flow.Held}");

    private static string Links(ProxyServer proxy) =>
        string.Concat(proxy.Links.Select(l => $"link {l.Spec.Name} {l.ListensAt()} {l.Spec.Target}\n")) + "ok\n";
}
