using System.Globalization;
using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Bytes that one operation makes clients and nodes send, on their sockets.</summary>
internal readonly record struct SentBounds(Bounds ByClients, Bounds ByNodes)
{
    /// <summary>Both.</summary>
    public Bounds Total => ByClients + ByNodes;
}

/// <summary>
/// What the design of a strategy says about bytes, for a healthy cluster, from nothing but its geometry and the sizes
/// of messages and records. Where the load decides, it gives bounds: the least is what remains when messages share
/// frames, entries share appends and reads share rounds without end; the most is every message in a frame of its own.
/// Left out are hellos, heartbeats without reads, digests, HTTP/2's flow control and answers to monitors.
/// </summary>
internal sealed record BytePrediction
{
    /// <summary>A YCSB key: "user" and a hash of mostly 19 digits.</summary>
    public const int UsualKeyBytes = 23;

    /// <summary>Values up to this size ECC keeps whole: coding them saves nothing.</summary>
    public const int TinyValueBytes = 64;

    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary>Nodes n.</summary>
    public required int Nodes { get; init; }

    /// <summary>Data elements k; Raft ignores it.</summary>
    public required int DataElements { get; init; }

    /// <summary>Bytes of a key.</summary>
    public int KeyBytes { get; init; } = UsualKeyBytes;

    /// <summary>Raft's leaders answer reads by lease: without rounds.</summary>
    public bool LeaseReads { get; init; }

    private bool IsEcc => Strategy == "ecc";

    /// <summary>Answers that form a quorum of ECC.</summary>
    private int Quorum => Nodes - Math.Min(Nodes - DataElements, (Nodes - 1) / 2);

    /// <summary>The prediction for a run's cluster and keys.</summary>
    public static BytePrediction Of(Manifest manifest) => new()
    {
        Strategy = manifest.Strategy,
        Nodes = manifest.Nodes,
        DataElements = manifest.DataElements,
        KeyBytes = UsualKeyBytes + (manifest.Options.GetValueOrDefault("key_prefix")?.Length ?? 0),
        LeaseReads = manifest.Options.GetValueOrDefault("reads") == "lease",
    };

    /// <summary>
    /// Bytes of a value in a run; null when values differ in size: then there is no prediction.
    /// </summary>
    public static int? ValueBytes(Manifest manifest)
    {
        IReadOnlyDictionary<string, string> properties = manifest.WorkloadProperties;
        return properties.GetValueOrDefault("valuesizedistribution", "constant") == "constant"
            && int.TryParse(properties.GetValueOrDefault("valuesize"), NumberStyles.None,
                CultureInfo.InvariantCulture, out int bytes) && bytes > 0
            ? bytes : null;
    }

    /// <summary>Payload that all nodes store for one value: n copies, or n elements with their prefix.</summary>
    public double StoredPayload(int valueBytes) => IsEcc
        ? Nodes * (double)(WireBytes.ElementPrefix + ElementBytes(valueBytes))
        : Nodes * (double)valueBytes;

    /// <summary>
    /// All that the stores of all nodes hold for one value. Raft's log adds nothing in the long run: an entry that
    /// every member holds is dropped from memory.
    /// </summary>
    public double StoredTotal(int valueBytes) => Nodes * (IsEcc
        ? RecordBytes.Element(KeyBytes, ElementBytes(valueBytes), valueBytes)
        : RecordBytes.Replica(KeyBytes, valueBytes));

    /// <summary>Bytes sent for one put.</summary>
    public SentBounds Put(int valueBytes) => IsEcc ? EccPut(valueBytes) : RaftPut(valueBytes);

    /// <summary>Bytes sent for one get of a value that is there.</summary>
    public SentBounds Get(int valueBytes) => IsEcc ? EccGet(valueBytes) : RaftGet(valueBytes);

    /// <summary>
    /// The smallest value from which on this strategy sends less per put than another, both ends of the bounds alike;
    /// null when there is none up to 1 MiB.
    /// </summary>
    public int? SendsLessPerPutFrom(BytePrediction other, Func<Bounds, double> end)
    {
        const int largest = 1 << 20;
        bool IsLess(int v) => end(Put(v).Total) < end(other.Put(v).Total);
        if (!IsLess(largest))
        {
            return null;
        }

        (int low, int high) = (TinyValueBytes, largest);
        while (low + 1 < high)
        {
            int middle = (low + high) / 2;
            (low, high) = IsLess(middle) ? (low, middle) : (middle, high);
        }

        return high;
    }

    private int Width(int valueBytes) => valueBytes <= TinyValueBytes ? 1 : DataElements;

    private int ElementBytes(int valueBytes) => (valueBytes + Width(valueBytes) - 1) / Width(valueBytes);

    /// <summary>Two rounds to all nodes: pre-write with an element, finalise without.</summary>
    private SentBounds EccPut(int valueBytes) => new(
        Flow(Nodes, WireBytes.PreWrite(KeyBytes, ElementBytes(valueBytes)))
            + Flow(Nodes, WireBytes.Finalize(KeyBytes)),
        Flow(Nodes, WireBytes.PreWriteAck) + Flow(Nodes, WireBytes.EccReply));

    /// <summary>One round to q nodes, of which as many as the value is wide answer with an element.</summary>
    private SentBounds EccGet(int valueBytes)
    {
        int width = Width(valueBytes);
        return new SentBounds(
            Flow(Quorum, WireBytes.Read(KeyBytes)),
            Flow(width, WireBytes.ReadReply(ElementBytes(valueBytes)))
                + Flow(Quorum - width, WireBytes.EccReply));
    }

    /// <summary>Client to leader, leader to each follower; appends and their answers are shared by entries.</summary>
    private SentBounds RaftPut(int valueBytes)
    {
        int entry = WireBytes.Entry(KeyBytes, valueBytes);
        int followers = Nodes - 1;
        Bounds appends = new(
            followers * (double)entry,
            followers * (double)(WireBytes.Alone(WireBytes.AppendHead + entry)
                + WireBytes.Alone(WireBytes.AppendReply)));
        return new SentBounds(
            Flow(1, WireBytes.Request(KeyBytes, valueBytes, isWrite: true)),
            appends + Flow(1, WireBytes.Reply(0)));
    }

    /// <summary>Client to leader and back; rounds to the followers are shared by reads.</summary>
    private SentBounds RaftGet(int valueBytes)
    {
        double round = LeaseReads ? 0 : (Nodes - 1)
            * (double)(WireBytes.Alone(WireBytes.Heartbeat) + WireBytes.Alone(WireBytes.HeartbeatReply));
        return new SentBounds(
            Flow(1, WireBytes.Request(KeyBytes, 0, isWrite: false)),
            Flow(1, WireBytes.Reply(valueBytes)) + new Bounds(0, round));
    }

    /// <summary>Messages of one size, in full frames or each in its own.</summary>
    private static Bounds Flow(int count, int messageBytes) => new(
        count * (double)(WireBytes.LengthPrefix + messageBytes), count * (double)WireBytes.Alone(messageBytes));
}
