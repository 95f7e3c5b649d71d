namespace Testbed.Reports;

/// <summary>
/// Colours by role. The hues are those of Okabe and Ito, told apart with any kind of colour vision.
/// </summary>
internal enum Tone
{
    /// <summary>Text and frames.</summary>
    Ink,

    /// <summary>Secondary text, context lines.</summary>
    Muted,

    /// <summary>Okabe-Ito blue.</summary>
    Blue,

    /// <summary>Okabe-Ito orange.</summary>
    Orange,

    /// <summary>Okabe-Ito bluish green.</summary>
    Green,

    /// <summary>Okabe-Ito vermilion; failures and faults.</summary>
    Vermilion,

    /// <summary>Okabe-Ito sky blue.</summary>
    Sky,

    /// <summary>Okabe-Ito reddish purple.</summary>
    Purple,

    /// <summary>Okabe-Ito yellow; only for areas.</summary>
    Yellow,
}

/// <summary>Tones as RGB, and the order series take them in.</summary>
internal static class Palette
{
    /// <summary>Series order.</summary>
    public static readonly IReadOnlyList<Tone> Series =
        [Tone.Blue, Tone.Orange, Tone.Green, Tone.Purple, Tone.Sky, Tone.Vermilion, Tone.Yellow, Tone.Ink];

    /// <summary>#rrggbb on a light ground.</summary>
    public static string Light(Tone tone) => tone switch
    {
        Tone.Ink => "#1f2933",
        Tone.Muted => "#66727f",
        Tone.Blue => "#0072b2",
        Tone.Orange => "#e69f00",
        Tone.Green => "#009e73",
        Tone.Vermilion => "#d55e00",
        Tone.Sky => "#56b4e9",
        Tone.Purple => "#cc79a7",
        _ => "#f0e442",
    };

    /// <summary>#rrggbb on a dark ground: the same hues, lighter where contrast needs it.</summary>
    public static string Dark(Tone tone) => tone switch
    {
        Tone.Ink => "#e6eaee",
        Tone.Muted => "#9aa5b1",
        Tone.Blue => "#3d9fdb",
        Tone.Green => "#1fbf92",
        Tone.Vermilion => "#f0803c",
        _ => Light(tone),
    };

    /// <summary>The tone of series number <paramref name="index"/>; wraps round.</summary>
    public static Tone Of(int index) => Series[index % Series.Count];
}
