using System.Text;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Acknowledged indexes as bars: one line per voter, longer where more voters are behind it.
/// </summary>
internal static class QuorumDrawing
{
    /// <summary>Draws voters by id; index 0 is a voter that was not heard.</summary>
    public static string Draw(ulong[] ids, ulong[] indexes)
    {
        var voters = ids.Length;
        if (voters == 0)
        {
            return "<empty majority quorum>";
        }

        // Only the first of equal indexes gets a bar: that is how the files draw it.
        var ranked = ids.Zip(indexes, (id, index) => (id, index))
            .OrderBy(v => v.index).ThenBy(v => v.id).ToArray();
        var bars = ranked.Select((voter, rank) =>
            (voter, bar: rank > 0 && ranked[rank - 1].index < voter.index ? rank : 0));
        var text = new StringBuilder().Append(' ', voters).Append("    idx\n");
        foreach (var ((id, index), bar) in bars.OrderBy(b => b.voter.id))
        {
            var line = index == 0 ? "?" : new string('x', bar) + ">";
            text.Append(line.PadRight(voters + 1)).Append($" {index,5}    (id={id})\n");
        }

        return text.ToString();
    }
}
