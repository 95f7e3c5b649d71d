using Testbed.Reports;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Reports;

/// <summary>
/// Predictions rest on sizes of messages and records that live in rooms which reports do not see: here they are
/// compared with what those rooms really write.
/// </summary>
public sealed class BytePredictionTests
{
    private const int KeyBytes = BytePrediction.UsualKeyBytes;
    private static readonly byte[] Key = [.. Enumerable.Repeat((byte)'k', KeyBytes)];

    public static TheoryData<string, int, int> Messages()
    {
        const int value = 700;
        var version = EccVersion.Of(1_700_000_000_000_000, 7, 0, 0, 3);
        var head = new EccReplyHead(1, 0, true, default, version);
        var element = new byte[WireBytes.ElementPrefix + 234];
        var room = new byte[4096];
        var data = new TheoryData<string, int, int>();
        Add("pre-write", EccPreWrite.Write(room, 1, Key, EccVersion.None, version, value, element.Length) + element.Length,
            WireBytes.PreWrite(KeyBytes, 234));
        Add("pre-write ack", new EccPreWriteAck(head, version, EccStoreStatus.Stored).Write(room), WireBytes.PreWriteAck);
        Add("finalise", EccFetch.Write(room, 1, Key, version, 0, false), WireBytes.Finalize(KeyBytes));
        Add("finalise ack", EccFetchReply.Write(room, head, EccVersion.None, 0, 0, default), WireBytes.EccReply);
        Add("read", EccFetch.Write(room, 1, Key, EccVersion.None, 7, false), WireBytes.Read(KeyBytes));
        Add("read reply", EccFetchReply.Write(room, head, version, value, 9, element), WireBytes.ReadReply(234));

        var stamp = new SessionStamp(5, 3, 2);
        Add("put request", new KvRequest(1, KvKind.Put, Key, new byte[value], 0, 1) { Stamp = stamp }.Write(room),
            WireBytes.Request(KeyBytes, value, isWrite: true));
        Add("get request", new KvRequest(1, KvKind.Get, Key, default, 0, 1).Write(room),
            WireBytes.Request(KeyBytes, 0, isWrite: false));
        Add("reply", new KvReply(1, KvStatus.Ok, 0, new byte[value], default).Write(room), WireBytes.Reply(value));
        Add("entry", RaftEntryCodec.Bytes(new RaftCommand
        {
            Kind = RaftEntryKind.Put, Stamp = stamp, Key = Key, Value = new byte[value],
        }), WireBytes.Entry(KeyBytes, value));
        Add("append", Raft(RaftMessageKind.Append), WireBytes.AppendHead);
        Add("append reply", Raft(RaftMessageKind.AppendReply), WireBytes.AppendReply);
        Add("heartbeat", Raft(RaftMessageKind.Heartbeat), WireBytes.Heartbeat);
        Add("heartbeat reply", Raft(RaftMessageKind.HeartbeatReply), WireBytes.HeartbeatReply);
        return data;

        void Add(string name, int written, int predicted) => data.Add(name, written, predicted);

        int Raft(RaftMessageKind kind) => new RaftMessage { Kind = kind, Term = 1 }.Write(room);
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void Every_message_has_the_size_that_predictions_take_for_it(string name, int written, int predicted) =>
        Assert.True(written == predicted, $"{name}: {written} bytes written, {predicted} predicted");

    [Fact]
    public void A_message_alone_in_a_frame_pays_for_protobuf_grpc_and_http()
    {
        // Length prefix 4, tag 1, varint 1 to 3, gRPC 5, one HTTP/2 frame head of 9 per 16 KiB.
        Assert.Equal(100 + 4 + 1 + 1 + 5 + 9, WireBytes.Alone(100));
        Assert.Equal(1000 + 4 + 1 + 2 + 5 + 9, WireBytes.Alone(1000));
        Assert.Equal(40_000 + 4 + 1 + 3 + 5 + 27, WireBytes.Alone(40_000));
    }

    [Theory]
    [InlineData("raft", 128)]
    [InlineData("raft", 1024)]
    [InlineData("raft", 16384)]
    [InlineData("ecc", 128)]
    [InlineData("ecc", 1024)]
    [InlineData("ecc", 16384)]
    public void A_store_holds_what_is_predicted_and_little_for_rounding(string strategy, int valueBytes)
    {
        var prediction = Of(strategy);
        var store = new KvStore();
        var keys = valueBytes > 4096 ? 4_000 : 40_000;
        for (var i = 0; i < keys; i++)
        {
            var key = System.Text.Encoding.ASCII.GetBytes($"key{(ulong)i * 0x9E3779B97F4A7C15UL:D20}");
            if (strategy == "raft")
            {
                store.Put(key, new RecordHeader((ulong)i + 1, 0, valueBytes, 0), new byte[valueBytes]);
            }
            else
            {
                var version = EccVersion.Of(1_700_000_000_000_000, 7, 0, 0, 3);
                var payload = new byte[WireBytes.ElementPrefix + ((valueBytes + 2) / 3)];
                store.Put(key, new RecordHeader(version.Value, 99, valueBytes, 3), payload);
            }
        }

        Assert.Equal(keys, store.Count);
        Assert.Equal(prediction.StoredPayload(valueBytes) / 5, (double)store.Bytes.PayloadBytes / keys, 6);

        // Above: blocks, the slab and segment that are not full (at most 1 MiB of records here), both indexes' steps.
        var predicted = prediction.StoredTotal(valueBytes) / 5;
        Assert.InRange((double)store.Bytes.TotalBytes / keys, predicted * 0.97, (predicted * 1.07) + ((1 << 20) / keys));
    }

    [Fact]
    public void At_1_KiB_the_design_s_ratios_come_out()
    {
        var (ecc, raft) = (Of("ecc"), Of("raft"));
        var memory = ecc.StoredTotal(1024) / raft.StoredTotal(1024);
        Assert.InRange(memory, 0.37, 0.40);
        var put = ecc.Put(1024).Total / raft.Put(1024).Total;
        Assert.InRange(put.Least, 0.48, 0.56);
        Assert.InRange(put.Most, 0.48, 0.56);
        var get = ecc.Get(1024).Total / raft.Get(1024).Total;
        Assert.InRange(get.Least, 0.9, 1.0);
        Assert.InRange(get.Most, 1.2, 1.3);
        Assert.InRange(ecc.SendsLessPerPutFrom(raft, b => b.Least)!.Value, 100, 260);
        Assert.InRange(ecc.SendsLessPerPutFrom(raft, b => b.Most)!.Value, 100, 260);
        Assert.Null(raft.SendsLessPerPutFrom(ecc, b => b.Most));
    }

    [Theory]
    [InlineData(3, 2, 1.5)]
    [InlineData(5, 3, 5 / 3.0)]
    [InlineData(6, 4, 1.5)]
    [InlineData(9, 6, 1.5)]
    public void Large_values_come_near_n_over_k_stored_and_sent_and_one_value_read(int nodes, int elements, double times)
    {
        var ecc = new BytePrediction { Strategy = "ecc", Nodes = nodes, DataElements = elements };
        const int value = 6 << 20;
        Assert.Equal(times, ecc.StoredPayload(value) / value, 3);
        Assert.Equal(times, ecc.StoredTotal(value) / value, 3);
        Assert.Equal(times, ecc.Put(value).Total.Least / value, 2);
        Assert.Equal(times, ecc.Put(value).ByClients.Most / value, 2);
        Assert.Equal(1, ecc.Get(value).Total.Most / value, 2);
        var raft = new BytePrediction { Strategy = "raft", Nodes = nodes, DataElements = 1 };
        Assert.Equal(nodes, raft.StoredTotal(value) / value, 3);
        Assert.InRange(raft.Put(value).Total.Most / value, nodes, nodes * 1.001);
        Assert.Equal(1, raft.Get(value).Total.Most / value, 2);
    }

    [Fact]
    public void A_tiny_value_is_not_coded_and_a_lease_spares_the_round()
    {
        var options = new Testbed.Ecc.EccClientOptions { Nodes = 5, DataElements = 3, Seed = 1 };
        Assert.Equal(BytePrediction.TinyValueBytes, options.TinyValueBytes);
        Assert.Equal(5 * (8 + 64), Of("ecc").StoredPayload(64));
        Assert.Equal(5 * (8 + 22), Of("ecc").StoredPayload(65));
        var raft = Of("raft");
        var lease = (raft with { LeaseReads = true }).Get(1024).Total;
        Assert.Equal(4 * (WireBytes.Alone(WireBytes.Heartbeat) + WireBytes.Alone(WireBytes.HeartbeatReply)),
            raft.Get(1024).Total.Most - lease.Most);
        Assert.Equal(raft.Get(1024).Total.Least, lease.Least);
    }

    [Fact]
    public void A_deviation_is_counted_from_the_nearer_bound()
    {
        var bounds = new Bounds(2, 4);
        Assert.Equal(0, bounds.Deviation(3));
        Assert.Equal(-0.5, bounds.Deviation(1));
        Assert.Equal(0.25, bounds.Deviation(5));
        Assert.Equal(0.1, Bounds.Of(10).Deviation(11), 9);
        Assert.Equal(new Bounds(0.5, 2), new Bounds(2, 2) / new Bounds(1, 4));
    }

    private static BytePrediction Of(string strategy) =>
        new() { Strategy = strategy, Nodes = 5, DataElements = 3 };
}
