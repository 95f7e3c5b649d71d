using System.Globalization;

namespace Testbed.Reports;

/// <summary>The formulas of the predictions in words, with the numbers of a sweep's strategies.</summary>
internal static class SweepFormulas
{
    /// <summary>One line per strategy and kind of bytes.</summary>
    public static IEnumerable<string> Lines(SweepModel model)
    {
        BytePrediction[] sides =
        [
            SweepMetrics.Prediction(model.Cells[0].Model.Baseline[0]),
            SweepMetrics.Prediction(model.Cells[0].Model.Candidate[0]),
        ];
        foreach (BytePrediction side in sides.Distinct())
        {
            foreach (string line in side.Strategy == "ecc" ? Ecc(side) : Raft(side))
            {
                yield return line;
            }
        }

        yield return $"Every message has {WireBytes.LengthPrefix} bytes of length before it. Alone in a frame it costs "
            + $"{WireBytes.Alone(1000) - 1000 - WireBytes.LengthPrefix} bytes more of gRPC and HTTP/2; in a full frame next "
            + "to nothing. The least is the latter, the most the former.";
        yield return "The indexes of the store take about 16 bytes per key. Rounding to blocks and free room in slabs are not "
            + "predicted, nor is what lies in memory besides the store.";
        yield return "Not counted: hellos, heartbeats while nothing is read, digests, flow control, and the nodes' answers to "
            + "the sampler (some 10 kB per node and second), which weigh most where rates are low and values small.";
        yield return "No prediction for goodput and latency. Of processor time the design only expects that Raft needs less up "
            + "to values of 6 to 40 KiB (grey in the chart): that is experience with a prototype, not a formula.";
    }

    private static IEnumerable<string> Ecc(BytePrediction p)
    {
        int key = p.KeyBytes;
        yield return $"ECC stores, for a value of V bytes, n = {p.Nodes} elements of ceil(V / {p.DataElements}); each takes "
            + $"{Extra(RecordBytes.Element(key, 342, 1024) - 342)} more: {WireBytes.ElementPrefix} for a checksum of the whole "
            + $"value, a header, a key of {key}, indexes.";
        yield return $"ECC put: to each of {p.Nodes} nodes a pre-write of {WireBytes.PreWrite(key, 0)} + element and a "
            + $"finalise of {WireBytes.Finalize(key)}, answered with {WireBytes.PreWriteAck} and {WireBytes.EccReply}.";
        yield return $"ECC get: a read of {WireBytes.Read(key)} to each node of a quorum, answered with "
            + $"{WireBytes.ReadReply(0)} + element by {p.DataElements} of them.";
    }

    private static IEnumerable<string> Raft(BytePrediction p)
    {
        int key = p.KeyBytes;
        yield return $"Raft stores n = {p.Nodes} copies; each takes {Extra(RecordBytes.Replica(key, 1024) - 1024)} bytes more: a "
            + $"header, a key of {key}, indexes. An entry that every member holds leaves the log in memory.";
        yield return $"Raft put: {WireBytes.Request(key, 0, isWrite: true)} + V to the leader, an entry of "
            + $"{WireBytes.Entry(key, 0)} + V to each of {p.Nodes - 1} followers behind an append head of "
            + $"{WireBytes.AppendHead}, answered with {WireBytes.AppendReply}; {WireBytes.Reply(0)} to the client.";
        yield return $"Raft get: {WireBytes.Request(key, 0, isWrite: false)} to the leader, {WireBytes.Reply(0)} + V back"
            + (p.LeaseReads ? ", by lease without a round."
                : $"; a round of {WireBytes.Heartbeat} and {WireBytes.HeartbeatReply} per follower, shared by reads.");
    }

    private static string Extra(double bytes) => bytes.ToString("0", CultureInfo.InvariantCulture);
}
