using Testbed.Raft.Membership;

namespace Testbed.Simulator;

/// <summary>
/// What one life of a Raft node holds of the log and which votes it gave: on its disk, durably, or in memory at
/// level memory. A snapshot stands for the entries it covers.
/// </summary>
internal sealed class LogView
{
    private readonly List<(ulong Term, ulong Hash)> _entries = [];

    /// <summary>Index and next number of the snapshot whose pieces are arriving.</summary>
    private (ulong Index, ulong Term, uint Next) _pieces;

    /// <summary>Which life; 0 until it is known.</summary>
    public uint Incarnation { get; set; }

    /// <summary>Entries up to here are not held one by one.</summary>
    public ulong Base { get; private set; }

    /// <summary>A snapshot, or nothing, stands for the entries up to <see cref="Base"/>.</summary>
    public bool IsAnchored { get; private set; } = true;

    /// <summary>The last entry.</summary>
    public ulong Last => Base + (ulong)_entries.Count;

    /// <summary>Votes by term.</summary>
    public Dictionary<ulong, MemberId> Votes { get; } = [];

    /// <summary>Nothing is known; which life it is stays.</summary>
    public void Clear()
    {
        _entries.Clear();
        Votes.Clear();
        (Base, IsAnchored, _pieces) = (0, true, default);
    }

    /// <summary>The term of an entry that is held one by one.</summary>
    public ulong Term(ulong index) => _entries[(int)(index - Base) - 1].Term;

    /// <summary>Takes a vote; false when another one was given in that term.</summary>
    public bool TryVote(ulong term, MemberId vote) => Votes.TryAdd(term, vote) || Votes[term] == vote;

    /// <summary>Removes what lies behind an index.</summary>
    public void CutAfter(ulong index)
    {
        if (index < Last)
        {
            var kept = (int)(index - Base);
            _entries.RemoveRange(kept, _entries.Count - kept);
        }
    }

    /// <summary>Adds the next entry; the first one of a record replaces everything from there on.</summary>
    public void Add(ulong index, ulong term, ulong hash, bool isFirst)
    {
        if (index > Last + 1 || (index <= Base && !IsAnchored))
        {
            // What lay before was released: a snapshot must follow.
            _entries.Clear();
            (Base, IsAnchored) = (index - 1, false);
        }

        if (index <= Base || (!isFirst && index <= Last))
        {
            throw new SimulationViolation($"R3: entry {index} reaches a log of entries {Base} to {Last}");
        }

        CutAfter(index - 1);
        _entries.Add((term, hash));
    }

    /// <summary>A snapshot's piece; the last one makes it whole.</summary>
    public void AddPiece(ulong index, ulong term, uint number, bool isFoot)
    {
        if (number == 0)
        {
            _pieces = (index, term, 0);
        }

        if (_pieces != (index, term, number))
        {
            _pieces = default;
            return;
        }

        _pieces.Next++;
        if (isFoot)
        {
            _pieces = default;
            TakeSnapshot(index, term);
        }
    }

    /// <summary>A snapshot stands for the entries up to an index; what follows stays when it agrees.</summary>
    public void TakeSnapshot(ulong index, ulong term)
    {
        if (index < Base || (index == Base && IsAnchored))
        {
            return;
        }

        if (index > Base && index <= Last && Term(index) == term)
        {
            _entries.RemoveRange(0, (int)(index - Base));
        }
        else if (index != Base)
        {
            _entries.Clear();
        }

        (Base, IsAnchored) = (index, true);
    }

    /// <summary>True when the entry is held, or a snapshot that covers it.</summary>
    public bool Holds(ulong index, ulong hash) =>
        index <= Base ? IsAnchored : index <= Last && _entries[(int)(index - Base) - 1].Hash == hash;
}
