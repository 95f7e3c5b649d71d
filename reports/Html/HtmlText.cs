using System.Net;
using System.Text;

namespace Testbed.Reports;

/// <summary>Builds a page; every text that is not a literal of this room is encoded here.</summary>
internal sealed class HtmlText
{
    private readonly StringBuilder html = new();

    /// <summary>Markup of ours, as it is. Never anything from outside.</summary>
    public HtmlText Raw(string markup)
    {
        html.Append(markup);
        return this;
    }

    /// <summary>Text, encoded.</summary>
    public HtmlText Text(string? text)
    {
        html.Append(WebUtility.HtmlEncode(text ?? ""));
        return this;
    }

    /// <summary>An element with encoded text.</summary>
    public HtmlText Element(string tag, string? text, string? cssClass = null) =>
        Raw(cssClass is null ? $"<{tag}>" : $"<{tag} class=\"{cssClass}\">").Text(text).Raw($"</{tag}>");

    /// <summary>A table; cells are encoded, the first column and those listed are left-aligned.</summary>
    public HtmlText Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows,
        params int[] left)
    {
        string Class(int column) => column == 0 || left.Contains(column) ? "" : " class=\"n\"";
        Raw("<div class=\"scroll\"><table><thead><tr>");
        for (int i = 0; i < headers.Count; i++)
        {
            Raw($"<th{Class(i)}>").Text(headers[i]).Raw("</th>");
        }

        Raw("</tr></thead><tbody>");
        foreach (IReadOnlyList<string> row in rows)
        {
            Raw("<tr>");
            for (int i = 0; i < row.Count; i++)
            {
                Raw($"<td{Class(i)}>").Text(row[i]).Raw("</td>");
            }

            Raw("</tr>");
        }

        return Raw("</tbody></table></div>\n");
    }

    /// <summary>A chart with its finding as caption.</summary>
    public HtmlText Chart(Figure figure)
    {
        Raw("<figure><figcaption>").Element("b", figure.Title).Raw("<br>")
            .Element("span", figure.Subtitle, "muted");
        return Raw("</figcaption>").Raw(SvgRenderer.Render(figure)).Raw("</figure>\n");
    }

    /// <summary>The page so far.</summary>
    public override string ToString() => html.ToString();
}
