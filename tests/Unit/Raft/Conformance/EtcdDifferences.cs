namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>
/// Where our protocol goes another way than etcd's in the interaction files, by design; lines that begin with # say
/// why. Each line: line of the command in the file, node and what, etcd's value and ours.
/// </summary>
internal static class EtcdDifferences
{
    private static readonly Dictionary<string, string> Listed = new(StringComparer.Ordinal)
    {
        ["confchange_v2_add_single_auto.txt"] = """
    # The entry that leaves a joint configuration is sent at once; etcd's goes with the next message.
    114 2 log: etcd <> ours <1/7 EntryConfChange>
    # While a change is not applied no other one is taken; this version of etcd takes a second one that leaves,
    # and skips it when it is applied. The empty entry is the interpreter's.
    180 1 log: etcd <1/8 EntryConfChange> ours <1/8 EntryNormal "">
    180 2 log: same again
    180 2 log: etcd <1/8 EntryConfChange> ours <1/8 EntryNormal "">
    """,
        ["snapshot_succeed_via_app_resp.txt"] = """
    # A leader keeps no state of replication for itself, only where its own log is durable.
    42 output: etcd <1: StateReplicate match=11 next=12> ours <1: StateProbe match=11 next=12>
    # A snapshot begins as soon as it is needed, for a member that counts as heard; etcd waits for an answer. So
    # the member holds it two commands earlier.
    71 3 commit: etcd <0> ours <11>
    71 3 applied: etcd <0> ours <11>
    71 3 members: etcd <voters=()> ours <voters=(1 2 3)>
    96 output: etcd <3: StateSnapshot match=0 next=11 paused pendingSnap=11> ours <3: StateReplicate match=11 next=12>
    106 3 commit: same again
    106 3 applied: same again
    106 3 members: same again
    133 output: same again
    """,
    };

    public static IEnumerable<string> Files => Listed.Keys;

    public static string Of(string file) => string.Concat(Listed.GetValueOrDefault(file, "").Split('\n')
        .Where(l => l.Length > 0 && !l.StartsWith('#')).Select(l => l + "\n"));
}
