using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>What clients have put into the log.</summary>
internal sealed partial class RaftProtocol
{
    /// <summary>The time of the last tick.</summary>
    public long NowMicros => _now;

    /// <summary>Appends an entry to a leader's log (5.3); returns its index.</summary>
    public ulong Propose(in RaftCommand command)
    {
        Invariant.Holds(Role == RaftRole.Leader, "R2 leader append only");
        var index = Log.LastIndex + 1;
        var entry = Log.Add(Term, RaftEntryCodec.Bytes(command));
        RaftEntryCodec.Write(entry, index, Term, command);
        return index;
    }
}
