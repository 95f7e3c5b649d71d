using System.Text;

namespace Testbed.Reports;

/// <summary>Collects lines and keeps them within a width.</summary>
internal sealed class TextLines(int width)
{
    private readonly StringBuilder text = new();

    /// <summary>An empty line; never two in a row.</summary>
    public void Blank()
    {
        if (text.Length > 0 && !text.ToString().EndsWith("\n\n", StringComparison.Ordinal))
        {
            text.Append('\n');
        }
    }

    /// <summary>A line, broken at spaces; further lines are indented by <paramref name="hang"/>.</summary>
    public void Wrap(string line, int hang = 0)
    {
        string rest = Printable(line);
        string indent = "";
        while (indent.Length + rest.Length > width)
        {
            int room = width - indent.Length;
            int cut = rest.LastIndexOf(' ', Math.Min(room, rest.Length - 1));
            while (cut > hang && PartsUnit(rest, cut))
            {
                cut = rest.LastIndexOf(' ', cut - 1);
            }

            // A word longer than the line (a path) stays whole: it is there to be copied.
            cut = cut <= hang ? rest.IndexOf(' ', Math.Min(room, rest.Length - 1)) : cut;
            if (cut < 0)
            {
                break;
            }

            text.Append(indent).Append(rest[..cut].TrimEnd()).Append('\n');
            rest = rest[(cut + 1)..].TrimStart();
            indent = new string(' ', hang);
        }

        text.Append(indent).Append(rest.TrimEnd()).Append('\n');
    }

    /// <summary>Lines as they are.</summary>
    public void Add(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            text.Append(Printable(line)).Append('\n');
        }
    }

    /// <summary>Everything so far.</summary>
    public override string ToString() => text.ToString();

    /// <summary>The space between a number and its unit is no place for a break.</summary>
    private static bool PartsUnit(string text, int space)
    {
        int end = text.AsSpan(space + 1).IndexOfAny(" ,;:)");
        string next = end < 0 ? text[(space + 1)..] : text.Substring(space + 1, end);
        return space > 0 && char.IsAsciiDigit(text[space - 1])
            && (next is "ns" or "us" or "ms" or "s" or "B" or "kB" or "MB" or "GB" or "%");
    }

    /// <summary>Text from outside may hold control characters; on a terminal those are commands.</summary>
    private static string Printable(string line) =>
        string.Concat(line.Select(c => char.IsControl(c) ? ' ' : c));
}
