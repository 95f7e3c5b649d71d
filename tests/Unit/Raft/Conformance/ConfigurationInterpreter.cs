using Testbed.Raft.Membership;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Commands of the confchange files: <c>simple</c>, <c>enter-joint</c> and <c>leave-joint</c>, one after the
/// other on one configuration. Changes read <c>v1</c> (voter), <c>l1</c> (learner), <c>r1</c> (remove),
/// <c>u1</c> (update).
/// </summary>
internal sealed class ConfigurationInterpreter
{
    private readonly MemberTracker _tracker = new(windowMessages: 10, windowBytes: long.MaxValue);

    /// <summary>
    /// etcd 3.4 and 3.5 begin a log's very first member at index 0, later releases never below 1; a file
    /// shows which it is.
    /// </summary>
    private readonly ulong _lowest;

    private readonly bool _showsCommit;

    /// <summary>Last index of the log; every command is an entry.</summary>
    private ulong _lastIndex;

    public ConfigurationInterpreter(IReadOnlyList<DataDrivenCase> cases)
    {
        bool Shows(string text) => cases.Any(c => c.Expected.Contains(text, StringComparison.Ordinal));
        _lowest = Shows("next=0") ? 0UL : 1UL;
        _showsCommit = Shows(" commit=0 ");
    }

    public string Run(DataDrivenCase one)
    {
        var output = TryChanges(one.Input, out var changes) is { } wrong ? wrong : Change(one, changes);
        _lastIndex++;
        return output;
    }

    /// <summary>
    /// Reads changes as the interaction files write them too; returns what is wrong, or null.
    /// </summary>
    internal static string? TryChanges(string input, out MemberChange[] changes)
    {
        changes = [];
        var read = new List<MemberChange>();
        foreach (var token in input.Length == 0 ? [] : input.Split(' '))
        {
            if (token.Length < 2)
            {
                return $"unknown token {token}";
            }

            if (!"vlru".Contains(token[0]))
            {
                return $"unknown input: {token}";
            }

            if (!ulong.TryParse(token.AsSpan(1), out var id))
            {
                return $"strconv.ParseUint: parsing \"{token[1..]}\": invalid syntax";
            }

            read.Add(new MemberChange(Kind(token[0]), EtcdText.Member(id)));
        }

        changes = [.. read];
        return null;
    }

    private static MemberChangeKind Kind(char letter) => letter switch
    {
        'v' => MemberChangeKind.Voter,
        'l' => MemberChangeKind.Learner,
        'r' => MemberChangeKind.Remove,
        _ => MemberChangeKind.Annotate,
    };

    private string Change(DataDrivenCase one, MemberChange[] changes)
    {
        var now = _tracker.Roster;
        ChangeError error;
        Roster next;
        switch (one.Command)
        {
            case "simple":
                one.Expect();
                error = ConfigurationChanger.Simple(now, changes, out next);
                break;
            case "enter-joint":
                one.Expect("autoleave");
                error = ConfigurationChanger.EnterJoint(
                    now, one.Has("autoleave") && one.Flag("autoleave"), changes, out next);
                break;
            case "leave-joint" when changes.Length > 0:
                return "this command takes no input";
            case "leave-joint":
                one.Expect();
                error = ConfigurationChanger.LeaveJoint(now, out next);
                break;
            default:
                throw one.UnknownCommand();
        }

        if (error != ChangeError.None)
        {
            return EtcdText.Error(error);
        }

        _tracker.Adopt(next, ulong.Max(_lastIndex, _lowest));
        return $"{EtcdText.Configuration(next)}\n{EtcdText.Progress(_tracker, _showsCommit)}";
    }
}
