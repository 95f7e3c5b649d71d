using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>
/// A configuration and who sits in its slots. Never changes: <see cref="ConfigurationChanger"/> makes the
/// next one. A member keeps its slot as long as it is a member.
/// </summary>
internal sealed class Roster
{
    /// <summary>By slot; <see cref="MemberId.None"/> where it is free.</summary>
    private readonly MemberId[] _members;

    internal Roster(in Configuration configuration, ReadOnlySpan<MemberId> members, PeerSet entered)
    {
        Configuration = configuration;
        Entered = entered;
        _members = members.ToArray();
        Configuration.Check();
        Invariant.Holds(configuration.Members.Contains(entered), "R10 one part per member");
        for (var slot = 0; slot < PeerSet.Slots; slot++)
        {
            var seated = _members[slot] != MemberId.None;
            Invariant.Holds(seated == configuration.Members.Contains(slot), "R10 one part per member");
            Invariant.Holds(!seated || SlotOf(_members[slot]) == slot, "R10 one part per member");
        }
    }

    /// <summary>Nobody.</summary>
    public static Roster Empty { get; } = new(default, new MemberId[PeerSet.Slots], default);

    public Configuration Configuration { get; }

    /// <summary>
    /// Members the change that made this roster brought in: nothing is known of what they hold.
    /// </summary>
    public PeerSet Entered { get; }

    /// <summary>By slot.</summary>
    internal ReadOnlySpan<MemberId> Members => _members;

    public MemberId this[int slot] => _members[slot];

    /// <summary>A member's slot, or -1.</summary>
    public int SlotOf(MemberId member) =>
        member == MemberId.None ? -1 : _members.AsSpan().IndexOf(member);

    /// <summary>
    /// The roster that a snapshot or a log's first record describes; false when it contradicts itself.
    /// </summary>
    public static bool TryRestore(RosterRecord record, out Roster roster)
    {
        roster = Empty;
        var members = new MemberId[PeerSet.Slots];
        var seats = new Seats(members);
        if (!seats.TryTake(record.Voters, out var incoming)
            || !seats.TryTake(record.VotersOutgoing, out var outgoing)
            || !seats.TryTake(record.Learners, out var learners)
            || !seats.TryTake(record.LearnersNext, out var next))
        {
            return false;
        }

        var fits = (learners & (incoming | outgoing)).IsEmpty && (outgoing & ~incoming).Contains(next)
            && (!outgoing.IsEmpty || !record.AutoLeave)
            && (!incoming.IsEmpty || (outgoing | learners).IsEmpty);
        if (fits)
        {
            var configuration = new Configuration
            {
                Incoming = incoming, Outgoing = outgoing, Learners = learners, LearnersNext = next,
                AutoLeave = record.AutoLeave,
            };
            roster = new Roster(configuration, members, configuration.Members);
        }

        return fits;
    }

    /// <summary>What a snapshot keeps: members by part, each list in ascending order.</summary>
    public RosterRecord ToRecord() => new()
    {
        Voters = Of(Configuration.Incoming),
        VotersOutgoing = Of(Configuration.Outgoing),
        Learners = Of(Configuration.Learners),
        LearnersNext = Of(Configuration.LearnersNext),
        AutoLeave = Configuration.AutoLeave,
    };

    /// <summary>The members in these slots, in ascending order of their ids, not of the slots.</summary>
    public MemberId[] Of(PeerSet slots)
    {
        var members = new MemberId[slots.Count];
        var count = 0;
        foreach (var slot in slots)
        {
            members[count++] = _members[slot];
        }

        Array.Sort(members);
        return members;
    }

    /// <summary>Gives slots in order of appearance.</summary>
    private ref struct Seats(Span<MemberId> members)
    {
        private readonly Span<MemberId> _members = members;
        private int _taken;

        public bool TryTake(ReadOnlySpan<MemberId> list, out PeerSet slots)
        {
            slots = default;
            foreach (var member in list)
            {
                var slot = _members[.._taken].IndexOf(member);
                if (slot < 0)
                {
                    if (member == MemberId.None || _taken == PeerSet.Slots)
                    {
                        return false;
                    }

                    slot = _taken++;
                    _members[slot] = member;
                }
                else if (slots.Contains(slot))
                {
                    return false;
                }

                slots |= PeerSet.Of(slot);
            }

            return true;
        }
    }
}

/// <summary>A roster without slots, as snapshots carry it.</summary>
internal sealed record RosterRecord
{
    public MemberId[] Voters { get; init; } = [];

    public MemberId[] VotersOutgoing { get; init; } = [];

    public MemberId[] Learners { get; init; } = [];

    public MemberId[] LearnersNext { get; init; } = [];

    public bool AutoLeave { get; init; }
}
