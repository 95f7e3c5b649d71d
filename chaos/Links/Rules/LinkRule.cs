namespace Testbed.Links;

/// <summary>What happens to the bytes one party sends to another. The default lets them pass.</summary>
internal readonly record struct LinkRule
{
    /// <summary>Nothing passes and nothing is lost; what waits flows when the rule is gone.</summary>
    public bool Stalls { get; init; }

    /// <summary>Connections are reset, living ones at once and new ones as they come.</summary>
    public bool Resets { get; init; }

    /// <summary>True when bytes simply pass.</summary>
    public bool IsFree => this == default;

    /// <summary>Reads <c>stall</c>, <c>reset</c>, or both with a comma between.</summary>
    public static bool TryParse(string text, out LinkRule rule)
    {
        rule = default;
        foreach (var word in text.Split(','))
        {
            switch (word)
            {
                case "stall":
                    rule = rule with { Stalls = true };
                    break;
                case "reset":
                    rule = rule with { Resets = true };
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    public override string ToString() => (Stalls, Resets) switch
    {
        (true, true) => "stall,reset",
        (true, false) => "stall",
        (false, true) => "reset",
        _ => "free",
    };
}
