using System.Globalization;

namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>What a node knows, in etcd's words; null where a file has not said it.</summary>
internal sealed record NodeFacts
{
    public string? Role { get; init; }

    public string? Lead { get; init; }

    public string? Term { get; init; }

    public string? Vote { get; init; }

    public string? Commit { get; init; }

    public string? Applied { get; init; }

    /// <summary>Entries as etcd prints them; an entry of another version of changes reads the same.</summary>
    public string? Log { get; init; }

    /// <summary>The configuration in force.</summary>
    public string? Members { get; init; }

    /// <summary>Name and value of all that is said.</summary>
    public IEnumerable<(string Name, string? Value)> All =>
        [
            ("role", Role), ("lead", Lead), ("term", Term), ("vote", Vote), ("commit", Commit),
            ("applied", Applied), ("log", Log), ("members", Members),
        ];
}

/// <summary>
/// Collects from a file's expected output what etcd's nodes know after each command. Commands that print nothing
/// because logging is off take the knowledge away.
/// </summary>
internal sealed class EtcdFacts
{
    private readonly SortedDictionary<int, NodeFacts> _nodes = [];
    private int _node;
    private string _section = "";
    private bool _quiet;

    public NodeFacts? Of(int node) => _nodes.GetValueOrDefault(node);

    public void Read(DataDrivenCase one)
    {
        if (one.Command == "log-level")
        {
            _quiet = one.Arguments[0].Key == "none";
        }
        else if (_quiet)
        {
            _nodes.Clear();
        }

        (_node, _section) = one.Command == "process-ready" ? (Number(one.Arguments[0].Key), "") : (0, "");
        foreach (var line in one.Expected.Split('\n'))
        {
            Read(line.Trim());
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string After(string line, string name)
    {
        var at = line.IndexOf(name, StringComparison.Ordinal);
        return at < 0 ? "0" : line[(at + name.Length)..].Split(' ', ',', ']')[0];
    }

    private void Read(string line)
    {
        var words = line.Split(' ');
        if (line.StartsWith('>'))
        {
            (_node, _section) = (line.EndsWith("handling Ready", StringComparison.Ordinal) ? Number(words[1]) : 0, "");
        }
        else if (line.StartsWith("INFO", StringComparison.Ordinal))
        {
            ReadLogged(line, words);
        }
        else if (line is "Entries:" or "CommittedEntries:" or "Messages:")
        {
            _section = line;
        }
        else if (_node > 0 && line.Length > 0)
        {
            ReadOfNode(line);
        }
    }

    private void ReadLogged(string line, string[] words)
    {
        const string Switched = " switched to configuration ";
        if (line.Contains(Switched, StringComparison.Ordinal))
        {
            var members = line[(line.IndexOf(Switched, StringComparison.Ordinal) + Switched.Length)..];
            Note(Number(words[1]), f => f with { Members = members });
        }
        else if (words[1] == "newRaft")
        {
            Note(Number(words[2]), f => f with
            {
                Role = "StateFollower", Lead = "0", Vote = "0", Log = "", Term = After(line, " term: "),
                Commit = After(line, "commit: "), Applied = After(line, "applied: "),
            });
        }
    }

    private void ReadOfNode(string line)
    {
        if (line.StartsWith("Lead:", StringComparison.Ordinal))
        {
            Note(_node, f => f with { Lead = After(line, "Lead:"), Role = After(line, "State:") });
        }
        else if (line.StartsWith("HardState", StringComparison.Ordinal))
        {
            Note(_node, f => f with
            {
                Term = After(line, "Term:"), Vote = After(line, "Vote:"), Commit = After(line, "Commit:"),
            });
        }
        else if (line.StartsWith("Snapshot Index:", StringComparison.Ordinal))
        {
            Note(_node, f => f with { Applied = After(line, "Index:"), Log = "" });
        }
        else if (_section == "Entries:")
        {
            var entry = line.Replace("EntryConfChangeV2", "EntryConfChange", StringComparison.Ordinal);
            Note(_node, f => f with { Log = Append(f.Log, entry) });
        }
        else if (_section == "CommittedEntries:")
        {
            Note(_node, f => f with { Applied = line.Split('/', ' ')[1] });
        }
    }

    /// <summary>An entry replaces what stands from its index on.</summary>
    private static string? Append(string? log, string entry)
    {
        if (log is null)
        {
            return null;
        }

        static int Index(string e) => Number(e.Split('/', ' ')[1]);
        var kept = log.Split(", ", StringSplitOptions.RemoveEmptyEntries).Where(e => Index(e) < Index(entry));
        return string.Join(", ", kept.Append(entry));
    }

    private void Note(int node, Func<NodeFacts, NodeFacts> change) =>
        _nodes[node] = change(_nodes.GetValueOrDefault(node) ?? new NodeFacts());
}
