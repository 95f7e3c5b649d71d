using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Wire;

namespace Testbed.Client.Links;

/// <summary>
/// What a <see cref="StreamLink"/> tells its owner, in order and from one thread at a time.
/// </summary>
internal interface ILinkOwner
{
    /// <summary>The stream is open and the node has answered the handshake.</summary>
    void LinkUp(StreamLink link, Outbox outbox);

    /// <summary>
    /// One well-formed frame; the owner counts its bytes out of <see cref="StreamLink.Unhandled"/> when done.
    /// </summary>
    void Received(StreamLink link, ReadOnlyMemory<byte> frame);

    /// <summary>The stream broke, or could not be opened; the link tries again by itself.</summary>
    void LinkDown(StreamLink link, string reason);
}

/// <summary>What all links of one client or node share.</summary>
internal sealed record LinkSettings
{
    /// <summary>Buffers of outgoing frames.</summary>
    public required BufferPool Pool { get; init; }

    /// <summary>Bytes of sockets.</summary>
    public required ByteCounters Network { get; init; }

    /// <summary>Bytes of frames.</summary>
    public required ByteCounters Traffic { get; init; }

    /// <summary>A node that lets more bytes than this wait loses the stream.</summary>
    public required long OutgoingLimitBytes { get; init; }

    /// <summary>Seed of the jitter between attempts.</summary>
    public required ulong Seed { get; init; }
}

/// <summary>The stream to one node, opened again with growing pauses whenever it breaks.</summary>
internal sealed class StreamLink : IDisposable
{
    private const int FirstPauseMillis = 20;
    private const int LongestPauseMillis = 500;
    private const long UnhandledLimitBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(1);

    private readonly ILinkOwner _owner;
    private readonly LinkSettings _settings;
    private readonly FrameHello _hello;
    private readonly SplitMix64 _jitter;
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;
    private readonly object _sessionLock = new();
    private CancellationTokenSource? _session;

    public StreamLink(ILinkOwner owner, LinkSettings settings, string address, FrameHello hello)
    {
        _owner = owner;
        _settings = settings;
        _hello = hello;
        _jitter = new SplitMix64(settings.Seed ^ hello.Target.Index);
        _channel = GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            MaxReceiveMessageSize = StreamFrame.MaxMessageBytes,
            MaxSendMessageSize = null,
            HttpHandler = Handler(settings.Network),
        });
        _invoker = _channel.CreateCallInvoker();
    }

    /// <summary>The node at the other end.</summary>
    public NodeId Target => _hello.Target;

    /// <summary>Bytes received that the owner has not handled.</summary>
    public ByteGate Unhandled { get; } = new(UnhandledLimitBytes);

    /// <summary>Keeps the stream open until cancelled. Never throws.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var pauseMillis = FirstPauseMillis;
        while (!stop.IsCancellationRequested)
        {
            var (reason, wasUp) = await RunSessionAsync(stop).ConfigureAwait(false);
            _owner.LinkDown(this, reason);
            pauseMillis = wasUp ? FirstPauseMillis : Math.Min(pauseMillis * 2, LongestPauseMillis);
            try
            {
                // Between half and the whole pause, so that nodes which lost the same peer do not come back
                // as one.
                await Task.Delay(pauseMillis / 2 + (int)_jitter.Below(pauseMillis / 2 + 1), stop)
                    .ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Breaks the present stream; the link opens another one.</summary>
    public void Drop()
    {
        lock (_sessionLock)
        {
            // Cancelled from the pool: callbacks of the token must not run on the loop's owner, nor under
            // this lock.
            _session?.CancelAfter(0);
        }
    }

    public void Dispose() => _channel.Dispose();

    private static SocketsHttpHandler Handler(ByteCounters network) => new()
    {
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        EnableMultipleHttp2Connections = false,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        ConnectTimeout = HandshakePatience,
        // A frozen or unplugged node keeps its connection: pings find out.
        KeepAlivePingDelay = TimeSpan.FromSeconds(1),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(2),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        InitialHttp2StreamWindowSize = 16 * 1024 * 1024,
        ConnectCallback = (context, cancel) => CountingStream.ConnectAsync(context, network, cancel),
    };

    private async Task<(string Reason, bool WasUp)> RunSessionAsync(CancellationToken stop)
    {
        using var session = CancellationTokenSource.CreateLinkedTokenSource(stop);
        SetSession(session);
        Outbox? outbox = null;
        try
        {
            session.CancelAfter(HandshakePatience);
            using var call = _invoker.AsyncDuplexStreamingCall(
                StreamFrame.Method, null, new CallOptions(cancellationToken: session.Token));
            await call.RequestStream.WriteAsync(StreamFrame.Of(_hello.ToFrame()), session.Token)
                .ConfigureAwait(false);
            if (!await call.ResponseStream.MoveNext(session.Token).ConfigureAwait(false))
            {
                return ("stream closed by the node", false);
            }

            if (!IsWelcome(call.ResponseStream.Current))
            {
                return ("handshake not understood", false);
            }

            session.CancelAfter(Timeout.InfiniteTimeSpan);
            outbox = new Outbox(_settings.Pool, new CallSink(this, call.RequestStream),
                _settings.OutgoingLimitBytes, _settings.Traffic);
            _owner.LinkUp(this, outbox);
            return (await ReadAsync(call.ResponseStream).ConfigureAwait(false), true);
        }
        catch (RpcException refused)
        {
            return (refused.Status.Detail, outbox is not null);
        }
        catch (Exception broken) when (broken is OperationCanceledException or IOException or SocketException
                                           or InvalidOperationException)
        {
            return ("stream broken", outbox is not null);
        }
        finally
        {
            SetSession(null);
            if (outbox is not null)
            {
                await session.CancelAsync().ConfigureAwait(false);
                await outbox.CloseAsync().ConfigureAwait(false);
            }
        }
    }

    private bool IsWelcome(StreamFrame frame) =>
        frame.Refusal is null && FrameHello.TryReadFrame(frame.Payload, out var welcome)
        && welcome.Version == _hello.Version && welcome.Target == Target;

    private async Task<string> ReadAsync(IAsyncStreamReader<StreamFrame> stream)
    {
        // No token here: the call itself carries the session's, and a token per read costs a registration per
        // read.
        while (await stream.MoveNext(CancellationToken.None).ConfigureAwait(false))
        {
            var frame = stream.Current;
            if (frame.Refusal is { } refusal)
            {
                return refusal;
            }

            _settings.Traffic.AddReceived(frame.Payload.Length);
            Unhandled.Enter(frame.Payload.Length);
            _owner.Received(this, frame.Payload);
            await Unhandled.WaitAsync().ConfigureAwait(false);
        }

        return "stream closed by the node";
    }

    private void SetSession(CancellationTokenSource? session)
    {
        lock (_sessionLock)
        {
            _session = session;
        }
    }

    private sealed class CallSink(StreamLink link, IClientStreamWriter<StreamFrame> stream) : IFrameSink
    {
        public Task WriteAsync(StreamFrame frame) => stream.WriteAsync(frame);

        public void Abort() => link.Drop();
    }
}
