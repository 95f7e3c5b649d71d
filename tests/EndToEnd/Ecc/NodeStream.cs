using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>A client's stream to one node, message by message.</summary>
internal sealed class NodeStream : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<StreamFrame, StreamFrame> _call;
    private readonly Queue<byte[]> _received = new();

    private NodeStream(string address)
    {
        _channel = GrpcChannel.ForAddress($"http://{address}");
        _call = _channel.CreateCallInvoker().AsyncDuplexStreamingCall(
            StreamFrame.Method, null, new CallOptions(deadline: DateTime.UtcNow + EccCluster.Patience));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Opens a stream; the node has answered the handshake.</summary>
    public static async Task<NodeStream> OpenAsync(EccCluster cluster, int node)
    {
        var stream = new NodeStream(cluster.Addresses[node]);
        var hello = new FrameHello(FrameHello.CurrentVersion, "ecc", EccCluster.Nodes, EccCluster.DataElements,
            EndpointKind.Client, default, new NodeId((byte)node));
        await stream._call.RequestStream.WriteAsync(StreamFrame.Of(hello.ToFrame()), Cancel);
        Assert.True(await stream._call.ResponseStream.MoveNext(Cancel));
        return stream;
    }

    /// <summary>Sends one message and waits for the next one that the node sends.</summary>
    public async Task<byte[]> AskAsync(byte[] message)
    {
        var frame = new byte[FrameReader.PrefixBytes + message.Length];
        BitConverter.TryWriteBytes(frame, message.Length);
        message.CopyTo(frame, FrameReader.PrefixBytes);
        await _call.RequestStream.WriteAsync(StreamFrame.Of(frame), Cancel);
        while (_received.Count == 0)
        {
            Assert.True(await _call.ResponseStream.MoveNext(Cancel));
            Take(_call.ResponseStream.Current.Payload);
        }

        return _received.Dequeue();
    }

    public ValueTask DisposeAsync()
    {
        _call.Dispose();
        _channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Take(ReadOnlyMemory<byte> frame)
    {
        var messages = new FrameReader(frame);
        while (messages.TryNext(out var message))
        {
            _received.Enqueue(message.ToArray());
        }
    }
}
