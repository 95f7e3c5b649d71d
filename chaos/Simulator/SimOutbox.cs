namespace Testbed.Simulator;

/// <summary>
/// Messages of one process on their way into one stream; lives as long as the stream is open at this end.
/// </summary>
internal sealed class SimOutbox(SimStream stream, int direction, long epoch)
{
    /// <summary>Messages that leave at the end of the batch.</summary>
    public FrameBuilder Plain { get; } = new();

    /// <summary>Messages that wait for the log; null until there are some.</summary>
    public FrameBuilder? Held { get; set; }

    /// <summary>Messages that waited and leave before this batch's.</summary>
    public List<byte[]> Released { get; } = [];

    /// <summary>True while the owner has it in its list of outboxes to publish.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Sends what may leave.</summary>
    public void Publish(SimNetwork network)
    {
        Send(Released, network);
        Send(Plain.Take(), network);
    }

    private void Send(List<byte[]> frames, SimNetwork network)
    {
        foreach (var frame in frames)
        {
            network.Send(stream, direction, epoch, frame);
        }

        frames.Clear();
    }
}
