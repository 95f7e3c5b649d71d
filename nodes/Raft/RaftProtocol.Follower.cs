using Testbed.Wire;

namespace Testbed.Raft;

/// <summary>What a follower does with its leader's messages: section 5.3.</summary>
internal sealed partial class RaftProtocol
{
    private void OnAppend(int from, in RaftMessage message)
    {
        KnownCommit = ulong.Max(KnownCommit, message.Commit);
        if (!Holds(message.Index, message.LogTerm))
        {
            // Every entry of ours up to the hint with a higher term than the leader's there cannot be the
            // leader's.
            var hint = ulong.Max(Commit, ulong.Min(message.Index, Log.LastIndex));
            hint = Log.HighestWithin(hint, message.LogTerm, Commit);
            Reply(
                from, message,
                new RaftMessage
                {
                    Kind = RaftMessageKind.AppendReply, Term = Term, Index = message.Index, Hint = hint,
                    LogTerm = Log.Term(hint),
                },
                AnswersWait);
            return;
        }

        var last = Accept(message.Entries.Span, message.Index);
        Advance(ulong.Min(message.Commit, last));
        Trim = ulong.Max(Trim, ulong.Min(message.Trim, Commit));
        Acknowledge(from, message.From, last);
    }

    private void OnHeartbeat(int from, in RaftMessage message)
    {
        KnownCommit = ulong.Max(KnownCommit, message.Commit);

        // The leader knows that we agree up to its index for us; the log beyond may be somebody else's.
        Advance(ulong.Min(message.Commit, ulong.Min(message.Index, Log.LastIndex)));
        Trim = ulong.Max(Trim, ulong.Min(message.Trim, Commit));
        Reply(
            from, message,
            new RaftMessage { Kind = RaftMessageKind.HeartbeatReply, Term = Term, Round = message.Round });
    }

    /// <summary>The consistency check of 5.3. Committed entries agree by leader completeness (R4).</summary>
    private bool Holds(ulong index, ulong term)
    {
        // Who was never told the members cannot build upon nothing: it needs a snapshot.
        if (index > Log.LastIndex || _tracker.Roster.Configuration.Members.IsEmpty)
        {
            return false;
        }

        if (IsPlanted(RaftMutants.AppendWithoutMatching))
        {
            return true;
        }

        var known = index >= Log.BaseIndex;
        var same = known && Log.Term(index) == term;
        Invariant.Holds(index > Commit || same || !known, "R4 leader completeness");
        return same || index <= Commit;
    }

    /// <summary>Takes entries that follow an agreed index; returns the last index now agreed.</summary>
    private ulong Accept(ReadOnlySpan<byte> entries, ulong previous)
    {
        var last = previous;
        while (!entries.IsEmpty)
        {
            RaftEntryCodec.TryRead(entries, out var entry);
            var bytes = entries[..entry.Bytes];
            entries = entries[entry.Bytes..];
            last = entry.Index;
            if (last <= Log.BaseIndex)
            {
                continue;
            }

            if (last <= Log.LastIndex)
            {
                if (Log.Term(last) == entry.Term && !CutsAt(last))
                {
                    Invariant.Holds(Log.Entry(last).SequenceEqual(bytes), "R3 log matching");
                    continue;
                }

                Overrule(last);
            }

            Log.AddCopy(entry.Term, bytes);
            NoteConfiguration(entry);
        }

        return last;
    }

    /// <summary>Removes our entries from an index on: they conflict with the leader's (5.3).</summary>
    private void Overrule(ulong index)
    {
        Invariant.Holds(index > Commit, "R4 leader completeness");
        Invariant.Holds(Role != RaftRole.Leader, "R2 leader append only");
        Log.TruncateFrom(index);
        Unwritten = ulong.Min(Unwritten, index);
        Durable = ulong.Min(Durable, index - 1);

        // A group still on its way holds overruled entries: it makes durable only what lies before them.
        for (var i = 0; i < _writing.Count; i++)
        {
            _writing[i].LastIndex = ulong.Min(_writing[i].LastIndex, index - 1);
        }
    }

    private bool CutsAt(ulong index) => IsPlanted(RaftMutants.AppendCutsLog) && index > Commit;

    private bool AnswersWait => !IsPlanted(RaftMutants.AckBeforeDurable);

    /// <summary>Acknowledgements are cumulative: those to one leader in one batch become one.</summary>
    private void Acknowledge(int to, uint incarnation, ulong last)
    {
        for (var i = Outbox.Count - 1; i >= 0; i--)
        {
            var earlier = Outbox[i];
            if (earlier.To == to && earlier.Message.Kind == RaftMessageKind.AppendReply
                && earlier.Message.Term == Term && earlier.Message.To == incarnation)
            {
                if (!earlier.Message.Yes)
                {
                    break;
                }

                last = ulong.Max(last, earlier.Message.Index);
                Outbox[i] = earlier with { Message = earlier.Message with { Index = last } };
                return;
            }
        }

        Send(
            to,
            new RaftMessage
            {
                Kind = RaftMessageKind.AppendReply, Term = Term, Yes = true, Index = last, To = incarnation,
            },
            AnswersWait);
    }
}
