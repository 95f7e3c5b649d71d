using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Client.Links;
using Testbed.Protos.V1;

namespace Testbed.Benchmarks.Peers;

/// <summary>
/// Unary calls to one node over one HTTP/2 connection: the same code for both systems down to the generated
/// client, so that a difference is the servers'.
/// </summary>
internal abstract class KvCalls : IDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(1);

    private readonly GrpcChannel _channel;
    private readonly ByteCounters _network = new();

    private protected KvCalls(string address)
    {
        _channel = Open(address, _network);
        Invoker = _channel.CreateCallInvoker();
    }

    private protected CallInvoker Invoker { get; }

    /// <summary>Bytes sent over the connection so far.</summary>
    public long SentBytes => _network.Sent;

    /// <summary>Writes a key.</summary>
    public abstract Task PutAsync(ByteString key, ByteString value, TimeSpan limit, CancellationToken cancel);

    /// <summary>Reads a key linearizably; returns the bytes of its value, -1 when it is not there.</summary>
    public abstract Task<int> GetAsync(ByteString key, TimeSpan limit, CancellationToken cancel);

    public void Dispose() => _channel.Dispose();

    /// <summary>A channel of one connection, made when first used.</summary>
    internal static GrpcChannel Open(string address) => Open(address, new ByteCounters());

    private static GrpcChannel Open(string address, ByteCounters network) =>
        GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                EnableMultipleHttp2Connections = false,
                ConnectTimeout = ConnectLimit,
                // With a callback of its own a channel does not back off: a node that comes back is seen at once.
                ConnectCallback = (context, cancel) => CountingStream.ConnectAsync(context, network, cancel),
            },
        });

    private protected static CallOptions Options(TimeSpan limit, CancellationToken cancel) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + limit, cancellationToken: cancel);
}

/// <summary>Calls to a node of ours.</summary>
internal sealed class TestbedCalls : KvCalls
{
    private readonly KvStore.KvStoreClient _client;

    public TestbedCalls(string address)
        : base(address) => _client = new KvStore.KvStoreClient(Invoker);

    public override async Task PutAsync(
        ByteString key, ByteString value, TimeSpan limit, CancellationToken cancel) =>
        await _client.PutAsync(new PutRequest { Key = key, Value = value }, Options(limit, cancel))
            .ConfigureAwait(false);

    public override async Task<int> GetAsync(ByteString key, TimeSpan limit, CancellationToken cancel)
    {
        var reply = await _client.GetAsync(new GetRequest { Key = key }, Options(limit, cancel))
            .ConfigureAwait(false);
        return reply.Found ? reply.Value.Length : -1;
    }
}

/// <summary>Calls to an etcd server.</summary>
internal sealed class EtcdCalls : KvCalls
{
    private readonly Etcd.KV.KVClient _client;

    public EtcdCalls(string address)
        : base(address) => _client = new Etcd.KV.KVClient(Invoker);

    public override async Task PutAsync(
        ByteString key, ByteString value, TimeSpan limit, CancellationToken cancel) =>
        await _client.PutAsync(new Etcd.PutRequest { Key = key, Value = value }, Options(limit, cancel))
            .ConfigureAwait(false);

    public override async Task<int> GetAsync(ByteString key, TimeSpan limit, CancellationToken cancel)
    {
        var reply = await _client.RangeAsync(new Etcd.RangeRequest { Key = key }, Options(limit, cancel))
            .ConfigureAwait(false);
        return reply.Kvs.Count == 1 ? reply.Kvs[0].Value.Length : -1;
    }
}
