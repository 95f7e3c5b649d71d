using Testbed.Wire;

namespace Testbed.Raft.Membership;

/// <summary>
/// What the log says of nodes besides who is a member: which incarnations were given, to which process, and
/// where added nodes are reached. Changes when a configuration entry is applied; part of every snapshot.
/// </summary>
internal sealed class MemberBook
{
    private readonly Page[] _pages = new Page[Limits.Nodes];

    /// <summary>The book of a new cluster: its founders have incarnation 1 and may come back.</summary>
    public MemberBook(int founders)
    {
        for (var node = 0; node < founders; node++)
        {
            _pages[node] = new Page { Highest = 1, MayJoin = true, Address = [] };
        }
    }

    /// <summary>
    /// The highest incarnation this node was ever given. Never falls, so none is given twice.
    /// </summary>
    public uint Highest(NodeId node) => _pages[node.Index].Highest;

    /// <summary>The nonce of the process that <see cref="Highest"/> was given to; 0 for founders.</summary>
    public ulong Nonce(NodeId node) => _pages[node.Index].Nonce;

    /// <summary>True when a process of this node that knows nothing becomes a member by itself.</summary>
    public bool MayJoin(NodeId node) => _pages[node.Index].MayJoin;

    /// <summary>Where an added node is reached; empty for founders, whose addresses every node is told.</summary>
    public ReadOnlyMemory<byte> Address(NodeId node) => _pages[node.Index].Address;

    /// <summary>Grows with every change, so that a reader sees that there was one.</summary>
    public int Edition { get; private set; }

    /// <summary>Takes what a committed entry says.</summary>
    public void Apply(in MembershipEntry entry)
    {
        Edition++;
        foreach (var change in entry.Change.Changes.Span)
        {
            if (change.Kind is MemberChangeKind.Voter or MemberChangeKind.Learner)
            {
                ref var page = ref _pages[change.Member.Node.Index];
                page.Highest = uint.Max(page.Highest, change.Member.Incarnation);
            }
        }

        if (entry.Note is { } note)
        {
            ref var page = ref _pages[note.Node.Index];
            (page.Nonce, page.MayJoin) = (note.Nonce, note.MayJoin);
            page.Address = note.Address.IsEmpty ? page.Address ?? [] : note.Address.ToArray();
        }
    }

    /// <summary>Bytes that <see cref="Write"/> takes.</summary>
    public int Bytes
    {
        get
        {
            var bytes = 1;
            for (var node = 0; node < _pages.Length; node++)
            {
                bytes += IsBlank(node) ? 0 : 1 + 4 + 8 + 1 + 2 + _pages[node].Address.Length;
            }

            return bytes;
        }
    }

    public void Write(ref WireWriter writer)
    {
        var written = 0;
        for (var node = 0; node < _pages.Length; node++)
        {
            written += IsBlank(node) ? 0 : 1;
        }

        writer.U8((byte)written);
        for (var node = 0; node < _pages.Length; node++)
        {
            if (!IsBlank(node))
            {
                writer.U8((byte)node);
                writer.U32(_pages[node].Highest);
                writer.U64(_pages[node].Nonce);
                writer.U8(_pages[node].MayJoin ? (byte)1 : (byte)0);
                writer.Short(_pages[node].Address);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; failures show at the reader.</summary>
    public static MemberBook Read(ref WireReader reader)
    {
        var book = new MemberBook(0);
        for (var left = reader.U8(); left > 0 && !reader.Failed; left--)
        {
            var node = reader.U8();
            var page = new Page
            {
                Highest = reader.U32(), Nonce = reader.U64(), MayJoin = reader.U8() == 1,
                Address = reader.Short(RaftMessage.AddressBytes).ToArray(),
            };
            if (node < book._pages.Length)
            {
                book._pages[node] = page;
            }
        }

        return book;
    }

    private bool IsBlank(int node) => _pages[node].Address is null;

    private struct Page
    {
        public uint Highest;
        public ulong Nonce;
        public bool MayJoin;
        public byte[] Address;
    }
}
