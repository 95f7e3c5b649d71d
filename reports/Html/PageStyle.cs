using System.Globalization;
using System.Text;

namespace Testbed.Reports;

/// <summary>
/// The frame of a page: one file, no script, nothing loaded from anywhere, light and dark.
/// </summary>
internal static class PageStyle
{
    private const string Css = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 Inter,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main{max-width:1160px;margin:0 auto;padding:24px 20px 60px}
        h1{font-size:22px;margin:0 0 2px}h2{font-size:17px;margin:34px 0 10px}
        p{margin:6px 0}.muted{color:var(--muted)}
        .verdict{border-radius:8px;padding:14px 18px;margin:16px 0;border-left:6px solid var(--muted);background:var(--card)}
        .verdict b{font-size:18px;letter-spacing:.02em}
        .good{border-color:var(--green)}.bad{border-color:var(--vermilion)}.open{border-color:var(--orange)}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:14px 0}
        .card{background:var(--card);border-radius:8px;padding:10px 14px}
        .card span{display:block;font-size:13px;color:var(--muted)}.card b{font-size:20px}
        .card i{display:block;font-style:normal;font-size:12.5px;color:var(--muted)}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;min-width:50%}
        th,td{padding:5px 14px 5px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
        th{font-weight:600;white-space:nowrap}.n{text-align:right;white-space:nowrap}
        figure{margin:14px 0 26px;background:var(--card);border-radius:8px;padding:14px 12px 6px}
        figcaption{padding:0 6px 8px}svg{display:block;width:100%;height:auto;font-family:inherit}
        .l{fill:none;stroke-linejoin:round;stroke-linecap:round}.g{stroke:var(--line);fill:none}.f{stroke:var(--muted);fill:none;opacity:.6}
        pre{background:var(--card);border-radius:8px;padding:12px;overflow-x:auto;font-size:13px;white-space:pre-wrap}
        code{font-size:13px;background:var(--card);padding:1px 5px;border-radius:4px;overflow-wrap:anywhere}
        details{margin:8px 0}summary{cursor:pointer}li{margin:3px 0}td.t-better{color:var(--green)}td.t-worse{color:var(--vermilion)}
        @media print{body{background:#fff}figure,.card,.verdict{break-inside:avoid}}
        """;

    /// <summary>Everything before the content.</summary>
    public static HtmlText Start(string title)
    {
        HtmlText html = new();
        html.Raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .Raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
            .Raw("<meta name=\"color-scheme\" content=\"light dark\">").Element("title", title)
            .Raw("<style>:root{").Raw(Variables(Palette.Light, "#f6f8fa", "#ffffff", "#dfe4ea"))
            .Raw("}@media(prefers-color-scheme:dark){:root{")
                .Raw(Variables(Palette.Dark, "#14181d", "#1d232a", "#333c46"))
            .Raw("}}\n").Raw(Css).Raw("</style></head><body><main>\n");
        return html;
    }

    /// <summary>Everything after it.</summary>
    public static string End(HtmlText html) => html.Raw("</main></body></html>\n").ToString();

    private static string Variables(Func<Tone, string> colour, string ground, string card, string line)
    {
        StringBuilder css = new();
        foreach (Tone tone in Enum.GetValues<Tone>())
        {
            css.Append(CultureInfo.InvariantCulture,
                $"--{tone.ToString().ToLowerInvariant()}:{colour(tone)};");
        }

        return css.Append(CultureInfo.InvariantCulture, $"--ground:{ground};--card:{card};--line:{line}")
            .ToString();
    }
}
