using Testbed.Ecc;

namespace Testbed.Simulator;

/// <summary>What of a node outlives its memory: a sign that it has voted, as a host keeps it.</summary>
internal sealed partial class SimNode
{
    private readonly SimRandom _nonces;
    private bool _hasVoted;
    private bool _isForgetful;

    /// <summary>What the node had acknowledged is gone, and it has not recovered from the others yet.</summary>
    public bool HasForgotten => _core is EccNodeCore ecc
        ? (_isForgetful || Cluster.Shape.Volatile) && !ecc.Readiness.IsReady
        : _isForgetful || (Cluster.Shape.Volatile && !Alive);

    /// <summary>The machine is gone with its disk; one in its place gets its number.</summary>
    public void Wipe()
    {
        Die(power: false);
        Disk.Wipe();
        _isForgetful = true;

        // Nodes without memory that have no such sign are told by the others, unless all are new together.
        _hasVoted &= !Cluster.Shape.Volatile || Cluster.Shape.MayLose;
        Cluster.Checks.Wiped(Index);
    }

    // The sign is there before anything of the batch leaves.
    private void NoteVotes()
    {
        if (_core is EccNodeCore ecc)
        {
            _hasVoted |= ecc.HasVoted;
            _isForgetful &= !ecc.Readiness.IsReady;
        }
    }
}
