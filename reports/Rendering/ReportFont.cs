using ScottPlot;
using SkiaSharp;

namespace Testbed.Reports;

/// <summary>
/// Inter, shipped with the project: charts must look the same on a machine without any font. The licence is
/// in Fonts/OFL.txt.
/// </summary>
internal sealed class ReportFont : IFontResolver
{
    /// <summary>Family name charts ask for.</summary>
    public const string Family = "Inter";

    private static readonly Lazy<ReportFont> Shared = new(Register);

    private readonly SKTypeface regular = Open("Inter-Regular.ttf");
    private readonly SKTypeface semiBold = Open("Inter-SemiBold.ttf");

    private ReportFont()
    {
    }

    /// <summary>The regular face.</summary>
    public static SKTypeface Regular => Shared.Value.regular;

    /// <summary>The semi-bold face.</summary>
    public static SKTypeface SemiBold => Shared.Value.semiBold;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(
        string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Family ? Face(weight > FontWeight.Medium) : null;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) =>
        fontName == Family ? Face(bold) : null;

    /// <summary>A font of the face and size, with subpixel positions for even spacing.</summary>
    public static SKFont Of(double size, bool bold) =>
        new(bold ? SemiBold : Regular, (float)size) { Subpixel = true, Edging = SKFontEdging.Antialias };

    private SKTypeface Face(bool bold) => bold ? semiBold : regular;

    /// <summary>Tells the plotting library once per process; its list of resolvers is global.</summary>
    private static ReportFont Register()
    {
        ReportFont font = new();
        ScottPlot.Fonts.FontResolvers.Add(font);
        ScottPlot.Fonts.Default = Family;
        return font;
    }

    private static SKTypeface Open(string file)
    {
        using Stream stream = typeof(ReportFont).Assembly.GetManifestResourceStream(
            "Testbed.Reports.Fonts." + file)
            ?? throw new InvalidOperationException($"the font {file} is not in the assembly");
        return SKTypeface.FromStream(stream);
    }
}
