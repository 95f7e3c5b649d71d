using Google.Protobuf;
using Grpc.Core;
using Testbed.Client.Links;
using Testbed.Protos.V1;
using Testbed.Wire;

namespace Testbed.Node.Server;

/// <summary>The service <c>testbed.v1.KvStore</c>: unary calls, and streams that carry the load.</summary>
internal sealed class KvStoreService(NodeRuntime node) : KvStoreBase
{
    private const int UsualScanLimit = 100;

    private static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(5);

    public override async Task<GetReply> Get(GetRequest request, ServerCallContext context)
    {
        var reply = await Unary.CallAsync(new Call(KvKind.Get, request.Key.Memory), context)
            .ConfigureAwait(false);
        return new GetReply
        {
            Found = reply.Status == KvStatus.Ok,
            Value = UnsafeByteOperations.UnsafeWrap(reply.Value),
        };
    }

    public override async Task<PutReply> Put(PutRequest request, ServerCallContext context)
    {
        await Unary.CallAsync(new Call(KvKind.Put, request.Key.Memory) { Value = request.Value.Memory }, context)
            .ConfigureAwait(false);
        return new PutReply();
    }

    public override async Task<DeleteReply> Delete(DeleteRequest request, ServerCallContext context)
    {
        await Unary.CallAsync(new Call(KvKind.Delete, request.Key.Memory), context).ConfigureAwait(false);
        return new DeleteReply();
    }

    public override async Task<CompareAndSetReply> CompareAndSet(
        CompareAndSetRequest request, ServerCallContext context)
    {
        var reply = await Unary.CallAsync(
            new Call(KvKind.CompareAndSet, request.Key.Memory)
            {
                Value = request.Value.Memory,
                Expected = request.HasExpected ? request.Expected.Memory : default(ReadOnlyMemory<byte>?),
            },
            context).ConfigureAwait(false);
        return new CompareAndSetReply { Applied = reply.Status == KvStatus.Ok };
    }

    public override async Task<ScanReply> Scan(ScanRequest request, ServerCallContext context)
    {
        var limit = request.Limit == 0 ? UsualScanLimit : (int)Math.Min(request.Limit, int.MaxValue);
        var answer = await Unary.CallAsync(new Call(KvKind.Scan, request.Start.Memory) { ScanLimit = limit }, context)
            .ConfigureAwait(false);
        var reply = new ScanReply();
        foreach (var entry in KvEntryCodec.TryRead(answer.Entries) ?? [])
        {
            reply.Entries.Add(new Entry
            {
                Key = UnsafeByteOperations.UnsafeWrap(entry.Key),
                Value = UnsafeByteOperations.UnsafeWrap(entry.Value),
            });
        }

        return reply;
    }

    public override async Task Stream(
        IAsyncStreamReader<StreamFrame> requests, IServerStreamWriter<StreamFrame> responses,
        ServerCallContext context)
    {
        var endpoint = await HandshakeAsync(requests, responses, context).ConfigureAwait(false);
        var loop = Loop;
        var traffic = endpoint.Kind == EndpointKind.Peer ? node.PeerTraffic : node.ClientTraffic;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            node.Stopping);
        using var stream = new ServerStream(endpoint, responses, node.Pool, traffic, ending.Token);
        node.Replace(stream);
        loop.Opened(stream);
        try
        {
            await ReadAsync(requests, stream, loop, traffic).ConfigureAwait(false);
        }
        catch (Exception broken) when (
            broken is OperationCanceledException or IOException or InvalidOperationException)
        {
            // This side or the other ended the stream; which one is sorted out below.
        }
        finally
        {
            node.Forget(stream);
            loop.Closed(stream);
            if (stream.Outbox is { } outbox)
            {
                await outbox.CloseAsync().ConfigureAwait(false);
            }
        }

        if (stream.Failure is { } failure)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, failure));
        }

        if (node.Stopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the node stops"));
        }
    }

    private UnaryCalls Unary => node.Unary ?? throw NotReady();

    private NodeLoop Loop => node.Loop ?? throw NotReady();

    private static async Task ReadAsync(
        IAsyncStreamReader<StreamFrame> requests, ServerStream stream, NodeLoop loop, ByteCounters traffic)
    {
        while (await requests.MoveNext(stream.Ended).ConfigureAwait(false))
        {
            var frame = requests.Current;
            if (frame.Refusal is { } refusal)
            {
                stream.Fail(refusal);
                return;
            }

            traffic.AddReceived(frame.Payload.Length);
            stream.Unhandled.Enter(frame.Payload.Length);
            loop.Received(stream, frame.Payload);

            // Back-pressure: no further frame while the loop is behind, or the client does not read its
            // answers.
            await stream.Unhandled.WaitAsync().ConfigureAwait(false);
            if (stream.Outbox is { } outbox)
            {
                await outbox.Waiting.WaitAsync().AsTask().WaitAsync(stream.Ended).ConfigureAwait(false);
            }
        }
    }

    private async Task<Endpoint> HandshakeAsync(
        IAsyncStreamReader<StreamFrame> requests, IServerStreamWriter<StreamFrame> responses,
        ServerCallContext context)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            node.Stopping);
        patience.CancelAfter(HandshakePatience);
        try
        {
            if (!await requests.MoveNext(patience.Token).ConfigureAwait(false))
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "no handshake"));
            }
        }
        catch (Exception late) when (late is OperationCanceledException or IOException)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, "no handshake in time"));
        }

        if (requests.Current.Refusal is { } refusal)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, refusal));
        }

        if (!FrameHello.TryReadFrame(requests.Current.Payload, out var hello))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument,
                "the first frame is not a handshake"));
        }

        if (node.Hello.Refusal(hello) is { } mismatch)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, mismatch));
        }

        // Before the answer: who sees the handshake answered may rely on the node being ready.
        _ = Loop;
        await responses.WriteAsync(StreamFrame.Of(node.Hello.ToFrame()), context.CancellationToken)
            .ConfigureAwait(false);
        return hello.Sender == EndpointKind.Peer
            ? Endpoint.Peer(hello.SenderNode)
            : Endpoint.Client(node.NextClientId());
    }

    private static RpcException NotReady() =>
        new(new Status(StatusCode.Unavailable, "the node recovers its log"));
}
