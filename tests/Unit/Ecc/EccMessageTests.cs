using CsCheck;
using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

public sealed class EccMessageTests
{
    private static readonly EccVersion Version = EccVersion.Of(1_700_000_000_000_000, 0xCAFE, 2, 1, 3);
    private static readonly EccEvidence Evidence = new(4, 6, IsWriters: true);
    private static readonly byte[] Key = "some key"u8.ToArray();

    [Fact]
    public void Versions_order_by_clock_client_generation_and_repairer()
    {
        var versions = new[]
        {
            EccVersion.None, EccVersion.Of(5, 1, 0, 0, 3), EccVersion.Of(5, 1, 0, 1, 2), EccVersion.Of(5, 1,
                1, 0, 1),
            EccVersion.Of(5, 2, 0, 0, 1), EccVersion.Of(6, 0, 0, 0, 0), EccVersion.Of(1UL << 61, 0, 0, 0, 1),
        };
        Assert.Equal(versions, versions.Order());
        Assert.Equal((5UL, 2U, 0, 0, 1), (versions[4].Hlc, versions[4].Client, versions[4].Gen,
            versions[4].Rid,
            versions[4].Width));
        Assert.True(versions[5].IsTombstone);
        Assert.Equal(versions[1].Tag, versions[3].Tag);
        Assert.False(EccVersion.Of(ulong.MaxValue, 0, 0, 0, 1).IsPlausible);
    }

    private static List<byte[]> Samples()
    {
        var samples = new List<byte[]>();
        var buffer = new byte[4096];
        var blob = FailureTableTests.MakeValue(8 + 4);
        var offset = EccPreWrite.Write(buffer, 77, Key, EccVersion.None, Version, 12, blob.Length);
        blob.CopyTo(buffer.AsSpan(offset));
        EccPreWrite.Seal(buffer, offset, Checksum.Of(blob));
        samples.Add(buffer[..(offset + blob.Length)]);
        samples.Add(buffer[..EccPreWrite.Write(buffer, 77, Key, Version, EccVersion.Of(9, 9, 3, 0, 3), 0,
            0)]);
        var head = new EccReplyHead(77, 3, true, new byte[20], Version);
        samples.Add(buffer[..new EccPreWriteAck(head, Version, EccStoreStatus.Superseded).Write(buffer)]);
        samples.Add(buffer[..EccFetch.Write(buffer, 77, Key, Version, 5, true, Evidence)]);
        samples.Add(buffer[..EccFetch.Write(buffer, 77, Key, EccVersion.None, 5, false)]);
        samples.Add(buffer[..EccFetchReply.Write(buffer, head, Version, 12, Checksum.Of(blob), blob)]);
        samples.Add(buffer[..EccFetchReply.Write(buffer, head, EccVersion.None, 0, 0, default)]);
        samples.Add(buffer[..new EccScan(77, Key, true, 10, 7).Write(buffer)]);
        offset = EccScanReply.WriteHead(buffer, head);
        var bytes = EccScanEntry.Write(buffer.AsSpan(offset), Key, Version, true, 12, Checksum.Of(blob),
            blob);
        bytes += EccScanEntry.Write(buffer.AsSpan(offset + bytes), "z"u8, Version, false, 12, 0, default);
        EccScanReply.Seal(buffer, offset, bytes, true);
        samples.Add(buffer[..(offset + bytes)]);
        samples.Add(buffer[..new EccRetract(Key, Version).Write(buffer)]);
        samples.Add(buffer[..new EccDigest(9, new EccKeyRange(Key, "zz"u8.ToArray()), 3, 4).Write(buffer)]);
        var list = new byte[64];
        list = list[..EccFinList.Write(list, Key, Version)];
        samples.Add(buffer[..new EccDigestReply(9, 2, false, Key, list).Write(buffer)]);
        samples.Add(buffer[..new EccDigestPush(2, list).Write(buffer)]);
        samples.Add(buffer[..new EccRegister(3, 99).Write(buffer)]);
        samples.Add(buffer[..new EccRegisterReply(new EccRegister(3, 99), new EccRegister(2, 98),
            EccStanding.Ready, false, new byte[20], new byte[40], new byte[40], new byte[24]).Write(buffer)]);
        samples.Add(buffer[..new EccSlotScan(9, 3, 0, 1 << 16, 10).Write(buffer)]);
        var entry = new byte[64];
        entry = entry[..EccSlotEntry.Write(entry, Key, Version, 12, isFin: true, holds: false)];
        samples.Add(buffer[..new EccSlotScanReply(head, 1 << 16, entry).Write(buffer)]);
        samples.Add(buffer[..new EccPull(9, 3, list).Write(buffer)]);
        var pulled = new byte[128];
        pulled = pulled[..EccPullEntry.Write(
            pulled, Version, new EccElement(Version, 12, Checksum.Of(blob), default), blob)];
        samples.Add(buffer[..EccPullReply.Write(buffer, head, pulled)]);
        samples.Add(buffer[..new EccRefusal(77).Write(buffer)]);
        samples.Add(buffer[..new EccReset(77, 4).Write(buffer)]);
        samples.Add(buffer[..new EccFence(9, 3, 5, 1UL << 50, new byte[20], list).Write(buffer)]);
        samples.Add(buffer[..new EccFenceReply(head, new byte[] { 0, 1 }).Write(buffer)]);
        return samples;
    }

    [Fact]
    public void Every_message_reads_back_as_it_was_written()
    {
        var samples = Samples();
        Assert.True(EccPreWrite.TryRead(samples[0], out var preWrite));
        Assert.Equal((77UL, Version, 12), (preWrite.OperationId, preWrite.Element.Version,
            preWrite.Element.ValueBytes));
        Assert.Equal(preWrite.Element.Checksum, Checksum.Of(preWrite.Element.Blob.Span));
        Assert.True(EccPreWrite.TryRead(samples[1], out var rename));
        Assert.Equal((Version, 9UL), (rename.From, rename.Element.Version.Hlc));
        Assert.True(EccPreWriteAck.TryRead(samples[2], out var ack));
        Assert.Equal((3U, true, 5, Version, EccStoreStatus.Superseded),
            (ack.Head.Incarnation, ack.Head.Ready, ack.Head.KnownCount, ack.Head.Fin, ack.Status));
        Assert.True(EccFetch.TryRead(samples[3], out var finalize));
        Assert.Equal((Version, 5U, true, Evidence),
            (finalize.Version, finalize.NodeMask, finalize.Pin, finalize.Evidence));
        Assert.True(EccFetch.TryRead(samples[4], out var read) && read.Version.IsNone);
        Assert.True(EccFetchReply.TryRead(samples[5], out var reply));
        Assert.Equal(Version, reply.Element.Version);
        Assert.True(EccFetchReply.TryRead(samples[6], out var empty) && !empty.Element.Exists);
        Assert.True(EccScan.TryRead(samples[7], out var scan));
        Assert.Equal((true, 10, 7U), (scan.AfterStart, scan.Limit, scan.NodeMask));
        Assert.True(EccScanReply.TryRead(samples[8], out var scanned) && scanned.Truncated);
        var rest = scanned.Entries;
        Assert.True(EccScanEntry.TryRead(ref rest, out var first) && first.Element.Exists);
        Assert.True(EccScanEntry.TryRead(ref rest, out var second) && second.Fin == Version && rest.IsEmpty);
        Assert.True(EccRetract.TryRead(samples[9], out var retract) && retract.Version == Version);
        Assert.True(EccDigest.TryRead(samples[10], out var digest) && digest.Sum == 4);
        Assert.True(EccDigestReply.TryRead(samples[11], out var digestReply) && digestReply.Incarnation == 2);
        Assert.True(digestReply.Last.Span.SequenceEqual(Key));
        Assert.True(EccDigestPush.TryRead(samples[12], out var push) && push is { Incarnation: 2, Entries.Length: 26 });
        ReadsBackRecovery(samples);
    }

    private static void ReadsBackRecovery(List<byte[]> samples)
    {
        Assert.True(EccRegister.TryRead(samples[13], out var register));
        Assert.Equal((3U, 99UL), (register.Incarnation, register.Nonce));
        Assert.True(EccRegisterReply.TryRead(samples[14], out var registered));
        Assert.Equal((register, new EccRegister(2, 98), EccStanding.Ready, 5, 0UL, 24), (registered.Asked,
            registered.Own, registered.Standing, registered.Nodes, registered.FounderOf(4), registered.Fences.Length));
        Assert.True(EccSlotScan.TryRead(samples[15], out var scan) && scan is { End: 1 << 16, Limit: 10 });
        Assert.True(EccSlotScanReply.TryRead(samples[16], out var shown) && shown.Next == 1 << 16);
        var rest = shown.Entries;
        Assert.True(EccSlotEntry.TryRead(ref rest, out var entry) && rest.IsEmpty);
        Assert.Equal((Version, 12, true, false), (entry.Version, entry.ValueBytes, entry.IsFin, entry.Holds));
        Assert.True(EccPull.TryRead(samples[17], out var pull) && pull.Wanted.Length == 26);
        Assert.True(EccPullReply.TryRead(samples[18], out var pulled));
        rest = pulled.Entries;
        Assert.True(EccPullEntry.TryRead(ref rest, out var element) && element.Element.Blob.Length == 12);
        Assert.True(EccRefusal.TryRead(samples[19], out var refusal) && refusal.OperationId == 77);
        Assert.True(EccReset.TryRead(samples[20], out var reset) && reset is { CorrelationId: 77, Incarnation: 4 });
        Assert.True(EccFence.TryRead(samples[21], out var fence));
        Assert.Equal((9UL, 3U, 5U, 1UL << 50, 5, 26), (fence.ExchangeId, fence.Incarnation, fence.Client, fence.Hlc,
            fence.Nodes, fence.Orphans.Length));
        Assert.True(EccFenceReply.TryRead(samples[22], out var fenced) && fenced.Reached.Span[1] == 1);
    }

    [Fact]
    public void Nothing_a_peer_or_client_sends_makes_a_core_throw()
    {
        var samples = Samples();
        var node = new EccNodeCore(
            new EccOptions { Self = new NodeId(0), Nodes = 5, DataElements = 3, Seed = 1 }, new KvStore());
        var client = new EccClientCore(new EccClientOptions { Nodes = 5, DataElements = 3, Seed =
            2, MaxInFlight = 4 });
        var sink = new NullOutput();
        node.Start(new CoreTime(1, 1_700_000_000_000_000), sink);
        var understood = 0;
        var refused = 0;
        Gen.Select(Gen.Int[0, samples.Count - 1], Gen.Int[0, 60], Gen.Byte, Gen.Int[0, 3], Gen.Int[0, 5])
            .Sample((which, position, value, edit, sender) =>
            {
                var message = samples[which].ToArray();
                var at = position % message.Length;
                message = edit switch
                {
                    0 => message[..at],
                    1 => [.. message, value],
                    2 => message,
                    _ => message,
                };
                if (edit == 3)
                {
                    message[at] = value;
                }

                var from = sender == 5 ? Endpoint.Client(3) : Endpoint.Peer(new NodeId((byte)sender));
                understood += node.Receive(from, message, sink) ? 1 : 0;
                client.Submit(0, new ClientOperation(KvKind.Put, Key, Key, 0, 1_000), sink);
                refused += client.Receive(new NodeId((byte)sender), message, sink) ? 0 : 1;
                client.Tick(new CoreTime(2_000, 1), sink);
            }, iter: 20_000, threads: 1);
        Assert.True(understood > 1_000);
        Assert.True(refused > 1_000);
    }
}
