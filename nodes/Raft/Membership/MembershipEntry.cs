using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>What a configuration entry notes of one node, for the <see cref="MemberBook"/>.</summary>
/// <param name="Node">Which node.</param>
/// <param name="Nonce">The process that its newest incarnation is given to; 0: none.</param>
/// <param name="MayJoin">Whether a process of it that knows nothing becomes a member by itself.</param>
/// <param name="Address">Where it is reached, <c>host:port</c>; empty: as before.</param>
internal readonly record struct NodeNote(NodeId Node, ulong Nonce, bool MayJoin, ReadOnlyMemory<byte> Address);

/// <summary>The content of a configuration entry.</summary>
internal readonly record struct MembershipEntry(ConfigurationChange Change, NodeNote? Note)
{
    /// <summary>Bytes that <see cref="Write"/> takes.</summary>
    public int Bytes =>
        3 + (6 * Change.Changes.Length) + (Note is { } note ? 1 + 8 + 1 + 2 + note.Address.Length : 0);

    public void Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.U8((byte)Change.Transition);
        writer.U8((byte)Change.Changes.Length);
        foreach (var (kind, member) in Change.Changes.Span)
        {
            writer.U8((byte)kind);
            writer.U8(member.Node.Index);
            writer.U32(member.Incarnation);
        }

        writer.U8(Note is null ? (byte)0 : (byte)1);
        if (Note is { } note)
        {
            writer.U8(note.Node.Index);
            writer.U64(note.Nonce);
            writer.U8(note.MayJoin ? (byte)1 : (byte)0);
            writer.Short(note.Address.Span);
        }
    }

    /// <summary>Reads an entry's content; false when it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> content, out MembershipEntry entry)
    {
        var reader = new WireReader(content.ToArray());
        var transition = reader.U8();
        var changes = new MemberChange[reader.U8()];
        var sane = transition <= (byte)Transition.JointExplicit;
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = new MemberChange(
                (MemberChangeKind)reader.U8(), new MemberId(new NodeId(reader.U8()), reader.U32()));
            sane &= changes[i].Kind <= MemberChangeKind.Learner && changes[i].Member.Node.Index < Limits.Nodes;
        }

        NodeNote? note = null;
        if (reader.U8() == 1)
        {
            note = new NodeNote(
                new NodeId(reader.U8()), reader.U64(), reader.U8() == 1, reader.Short(RaftMessage.AddressBytes));
            sane &= note.Value.Node.Index < Limits.Nodes;
        }

        entry = new MembershipEntry(new ConfigurationChange((Transition)transition, changes), note);
        return sane && reader.Complete;
    }
}
