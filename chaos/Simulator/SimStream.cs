namespace Testbed.Simulator;

/// <summary>
/// A connection that its opener keeps open: a node to each other node, a client to each node. Each time it is
/// opened it gets a new epoch, and both ends learn on their own of its beginning and end.
/// </summary>
internal sealed class SimStream(int index, int opener, int target, bool ofClient, SimRandom random)
{
    /// <summary>From the opener to the target.</summary>
    public const int Forward = 0;

    /// <summary>From the target to the opener; clients' streams only.</summary>
    public const int Backward = 1;

    private readonly Direction[] _directions = [new(), new()];

    /// <summary>Its number.</summary>
    public int Index => index;

    /// <summary>Process that opens it.</summary>
    public int Opener => opener;

    /// <summary>Process that accepts it.</summary>
    public int Target => target;

    /// <summary>Whether a client opens it.</summary>
    public bool OfClient => ofClient;

    /// <summary>Delays of attempts and breaks.</summary>
    public SimRandom Random => random;

    /// <summary>Epoch in which the opener takes it for open; 0 when it does not.</summary>
    public long OpenEpoch { get; set; }

    /// <summary>Epoch in which the target takes it for open; 0 when it does not.</summary>
    public long AcceptEpoch { get; set; }

    /// <summary>The target's number for the accepted connection.</summary>
    public int Connection { get; set; }

    /// <summary>An epoch whose bytes no longer arrive after <see cref="CutMicros"/>.</summary>
    public long CutEpoch { get; set; }

    /// <summary>When the last byte of the cut epoch can arrive.</summary>
    public long CutMicros { get; set; }

    /// <summary>An attempt is under way or planned.</summary>
    public bool Attempting { get; set; }

    /// <summary>Life of the opener that tries.</summary>
    public long AttemptLife { get; set; }

    /// <summary>Pause before the next attempt; grows.</summary>
    public long PauseMicros { get; set; }

    /// <summary>The state of one direction.</summary>
    public ref Direction Of(int direction) => ref _directions[direction];

    /// <summary>The process that sends in a direction.</summary>
    public int From(int direction) => direction == Forward ? opener : target;

    /// <summary>The process that receives in a direction.</summary>
    public int To(int direction) => direction == Forward ? target : opener;

    /// <summary>One direction of a stream.</summary>
    internal struct Direction()
    {
        /// <summary>Arrival of the last frame sent: none overtakes it.</summary>
        public long LastArrival;

        /// <summary>Frames that arrived at a blocked link, with their epochs.</summary>
        public readonly Queue<(long Epoch, byte[] Frame)> Parked = new();

        /// <summary>A look at the parked frames is planned.</summary>
        public bool UnparkPlanned;
    }
}

/// <summary>The way from one process to another, shared by all streams.</summary>
internal sealed class SimLink(SimRandom random)
{
    /// <summary>Delays.</summary>
    public SimRandom Random => random;

    /// <summary>Faults that block it.</summary>
    public int Blocks { get; set; }

    /// <summary>Delays are so many times the usual.</summary>
    public int Slowness { get; set; } = 1;

    /// <summary>One of so many frames is lost by a fault; 0: none.</summary>
    public int LossOneIn { get; set; }
}
