using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Words and colours that several charts share.</summary>
internal static class ChartNames
{
    /// <summary>Colour of a phase.</summary>
    public static Tone PhaseTone(string phase) => phase switch
    {
        "steady" => Tone.Blue,
        "fault" => Tone.Vermilion,
        "degraded" => Tone.Orange,
        "recovery" => Tone.Purple,
        "recovered" => Tone.Green,
        _ => Tone.Ink,
    };

    /// <summary>A strategy as people write it.</summary>
    public static string Strategy(string strategy) => strategy switch
    {
        "ecc" => "ECC",
        "raft" => "Raft",
        _ => strategy,
    };

    /// <summary>One line that says which run a figure shows.</summary>
    public static string RunLine(Manifest manifest)
    {
        string code = manifest.Strategy == "ecc" ? $" ({manifest.Nodes},{manifest.DataElements})"
            : $" n={manifest.Nodes}";
        string rate = manifest.OfferedRate is double r ? $"open loop {Units.Rate(r)}" : "closed loop";
        return $"{Strategy(manifest.Strategy)}{code} · workload {manifest.Workload} · {rate} · durability {manifest.Durability} · "
            + $"{manifest.Cluster} cluster · seed {manifest.Seed}";
    }

    /// <summary>Upper case first letter.</summary>
    public static string Sentence(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>The word of a fault for a label.</summary>
    public static string FaultLabel(FaultSpan fault) => fault.Healed
        ? $"{fault.Kind} {fault.Node}"
        : $"{fault.Kind} {fault.Node}, not healed";
}
