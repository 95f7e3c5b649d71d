using System.Text;
using Testbed.Raft.Membership;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Commands of the quorum files: <c>committed</c> (what do the acknowledged indexes commit) and <c>vote</c>,
/// on a majority (<c>cfg</c>) or a joint quorum (<c>cfg</c> and <c>cfgj</c>). Like etcd's own runner it
/// computes every answer in other ways too and prints those that differ, so that a file finds them.
/// </summary>
internal static class QuorumInterpreter
{
    public static string Run(DataDrivenCase one)
    {
        if (one.Command is not ("committed" or "vote"))
        {
            throw one.UnknownCommand();
        }

        var input = one.Command == "vote" ? "votes" : "idx";
        one.Expect("cfg", "cfgj", input);
        var first = Ids(one, one.Values("cfg"));
        var zero = one.Values("cfgj") is ["zero"];
        var second = zero ? [] : Ids(one, one.Values("cfgj"));

        // A value per voter, in order of appearance; a slot per voter, in the same order.
        var ids = first.Concat(second).Distinct().ToArray();
        var values = one.Values(input).Select(v => input == "votes" ? Vote(one, v) : Index(one, v)).ToArray();
        if (ids.Length != values.Length)
        {
            var voters = string.Join(' ', ids.Order().Select(id => $"{id}:{{}}"));
            return "error: mismatched input (explicit or _) for voters "
                + $"map[{voters}]: [{string.Join(' ', values)}]";
        }

        var quorum = new JointQuorum(Majority(ids, first), Majority(ids, second));
        if (input == "votes")
        {
            return Votes(quorum, values);
        }

        return QuorumDrawing.Draw(ids, values)
            + (one.Has("cfgj") ? Joint(quorum, values) : Single(quorum.Incoming, values));
    }

    private static ulong[] Ids(DataDrivenCase one, IReadOnlyList<string> values) =>
        [.. values.Select(one.Number)];

    private static MajorityQuorum Majority(ulong[] ids, ulong[] voters) => new(
        voters.Aggregate(default(PeerSet), (set, voter) => set | PeerSet.Of(Array.IndexOf(ids, voter))));

    private static ulong Index(DataDrivenCase one, string value) => value == "_" ? 0
        : one.Number(value) is var index and > 0 ? index
        : throw one.Wrong("0 cannot be told from a voter that was not heard");

    private static ulong Vote(DataDrivenCase one, string value) => value switch
    {
        "y" => 2,
        "n" => 1,
        "_" => 0,
        _ => throw one.Wrong($"'{value}' is no vote"),
    };

    private static string Votes(JointQuorum quorum, ulong[] votes)
    {
        var (granted, refused) = (default(PeerSet), default(PeerSet));
        for (var slot = 0; slot < votes.Length; slot++)
        {
            granted |= votes[slot] == 2 ? PeerSet.Of(slot) : default;
            refused |= votes[slot] == 1 ? PeerSet.Of(slot) : default;
        }

        var result = quorum.Result(granted, refused);
        var swapped = new JointQuorum(quorum.Outgoing, quorum.Incoming).Result(granted, refused);
        return (swapped == result ? "" : $"{EtcdText.Result(swapped)} <-- via symmetry\n")
            + $"{EtcdText.Result(result)}\n";
    }

    private static string Joint(JointQuorum quorum, ulong[] indexes)
    {
        var committed = quorum.CommittedIndex(indexes);
        var swapped = new JointQuorum(quorum.Outgoing, quorum.Incoming).CommittedIndex(indexes);
        return Other(swapped, committed, "via symmetry") + $"{EtcdText.Index(committed)}\n";
    }

    private static string Single(MajorityQuorum quorum, ulong[] indexes)
    {
        var committed = quorum.CommittedIndex(indexes);
        var text = new StringBuilder();
        text.Append(Other(Counted(indexes), committed, "via alternative computation"));
        text.Append(Other(
            new JointQuorum(quorum, default).CommittedIndex(indexes), committed, "via zero-joint quorum"));
        text.Append(Other(
            new JointQuorum(quorum, quorum).CommittedIndex(indexes), committed, "via self-joint quorum"));

        // A voter below what is committed does not decide it: lowered further, nothing changes.
        for (var slot = 0; slot < indexes.Length; slot++)
        {
            ulong[] below = committed > indexes[slot] && indexes[slot] > 0 ? [indexes[slot] - 1, 0] : [];
            foreach (var lower in below)
            {
                var overlaid = indexes.ToArray();
                overlaid[slot] = lower;
                var other = quorum.CommittedIndex(overlaid);
                text.Append(Other(other, committed, $"overlaying slot {slot} with {lower}"));
            }
        }

        return text.Append(EtcdText.Index(committed)).Append('\n').ToString();
    }

    /// <summary>The definition, word by word: the highest index that more than half have reached.</summary>
    private static ulong Counted(ulong[] indexes)
    {
        bool Reached(ulong index) => indexes.Count(other => other >= index) > indexes.Length / 2;
        return indexes.Length == 0 ? MajorityQuorum.Everything : indexes.Append(0UL).Where(Reached).Max();
    }

    private static string Other(ulong other, ulong committed, string how) =>
        other == committed ? "" : $"{EtcdText.Index(other)} <-- {how}\n";
}
