using Testbed.Raft;

namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// What the whole cluster has agreed on so far, seen from outside: leaders by term, entries by index.
/// </summary>
internal sealed class PumpTruth
{
    private readonly Dictionary<ulong, int> _leaders = [];
    private readonly List<byte[]> _committed = [];

    public int Committed => _committed.Count;

    public int Terms => _leaders.Count;

    /// <summary>Section 5.2: at most one leader per term.</summary>
    public void SawLeader(ulong term, int node)
    {
        if (_leaders.TryGetValue(term, out var other) && other != node)
        {
            throw new PumpViolation($"term {term} has two leaders: n{other} and n{node}");
        }

        _leaders[term] = node;
    }

    /// <summary>
    /// Section 5.4: a committed entry is never lost nor changed, on any node, in any later life.
    /// </summary>
    public void SawCommitted(RaftProtocol raft, ref ulong seen, int node)
    {
        seen = ulong.Max(seen, raft.Log.BaseIndex);
        while (seen < raft.Commit)
        {
            seen++;
            var entry = raft.Log.Entry(seen);
            if (seen == (ulong)_committed.Count + 1)
            {
                _committed.Add(entry.ToArray());
            }
            else if (seen > (ulong)_committed.Count || !entry.SequenceEqual(_committed[(int)seen - 1]))
            {
                throw new PumpViolation($"n{node} commits another entry at index {seen}");
            }
        }
    }

    /// <summary>The store as it must look after a number of entries.</summary>
    public SortedDictionary<string, string> Replay(ulong applied)
    {
        var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var sessions = new SessionTable(1_024);
        for (var i = 0; i < (int)applied; i++)
        {
            Testbed.Wire.RaftEntryCodec.TryRead(_committed[i], out var entry);
            var stamp = entry.Command.Stamp;
            if (entry.Kind == Testbed.Wire.RaftEntryKind.OpenSession)
            {
                sessions.Open(BitConverter.ToUInt64(entry.Value), entry.Index);
                continue;
            }

            if (!stamp.IsNone)
            {
                if (sessions.Look(stamp, entry.Index, out _) != SessionVerdict.New)
                {
                    continue;
                }

                sessions.Keep(stamp, Testbed.Wire.KvStatus.Ok);
            }

            var key = Convert.ToHexString(entry.Key);
            if (entry.Kind == Testbed.Wire.RaftEntryKind.Put)
            {
                model[key] = Convert.ToHexString(entry.Value);
            }
            else if (entry.Kind == Testbed.Wire.RaftEntryKind.Delete)
            {
                model.Remove(key);
            }
        }

        return model;
    }
}
