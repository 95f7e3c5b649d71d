using Testbed.Ecc;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>What of a node outlives its memory: a sign that it has voted, as a host keeps it.</summary>
internal sealed partial class SimNode
{
    private readonly SimRandom _nonces;
    private bool _hasVoted;
    private bool _isForgetful;
    private long _disks;
    private long _readyAt = long.MaxValue;

    /// <summary>Number of the memory that this node's process has: itself at level memory, else its disk.</summary>
    public long Memory => Cluster.Shape.Volatile ? Life : _disks;

    /// <summary>The first disk was lost: the node knows that it once had another one.</summary>
    private bool HasLostDisk => _disks > 0;

    /// <summary>What the node had acknowledged is gone, and it has not recovered from the others yet.</summary>
    public bool HasForgotten => _isForgetful
        || (Cluster.Shape.Volatile && _core is not RaftNodeCore and not EccNodeCore { Readiness.IsReady: true });

    /// <summary>The machine is gone with its disk; one in its place gets its number.</summary>
    public void Wipe()
    {
        Die(power: false);
        Disk.Wipe();
        (_isForgetful, _readyAt) = (true, long.MaxValue);
        _disks++;

        // Nodes without memory that have no such sign are told by the others, unless all are new together.
        _hasVoted &= !Cluster.Shape.Volatile || Cluster.Shape.MayLose;
        Cluster.Checks.Wiped(Index);
    }

    /// <summary>An operator asks this node, which must be awake.</summary>
    public void Operate(RaftAdminKind kind, int node)
    {
        if (_core is not RaftNodeCore core || IsPaused)
        {
            return;
        }

        var request = new RaftMessage { Kind = RaftMessageKind.Admin, Index = (ulong)node, LogTerm = (ulong)kind };
        var message = new byte[RaftMessage.HeadBytes];
        core.Tick(Time, this);
        AnnounceDurable(core);
        if (!core.Receive(Endpoint.Client(int.MaxValue), message.AsMemory(0, request.Write(message)), this))
        {
            throw new SimulationViolation($"n{Index} takes an operator's request for malformed");
        }

        EndBatch(core);
    }

    /// <summary>The operator has given up what this node held.</summary>
    public bool IsGivenUp { get; private set; }

    private void GiveUp(INodeCore core)
    {
        var message = new byte[EccReset.Bytes];
        var length = new EccReset(1, Ecc!.Readiness.Incarnation).Write(message);
        if (!core.Receive(Endpoint.Client(int.MaxValue), message.AsMemory(0, length), this))
        {
            throw new SimulationViolation($"n{Index} takes a reset for malformed");
        }

        IsGivenUp = true;
    }

    // The sign is there before anything of the batch leaves.
    private void NoteVotes()
    {
        if (_core is EccNodeCore ecc)
        {
            _hasVoted |= ecc.HasPart;

            // What was recovered counts once it is durable: before, a second death takes it away again.
            _readyAt = ecc.Readiness.IsReady ? Math.Min(_readyAt, _appended) : long.MaxValue;
            _isForgetful &= _durable < _readyAt;
        }
    }
}
