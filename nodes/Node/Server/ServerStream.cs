using Grpc.Core;
using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Node.Server;

/// <summary>One incoming stream, of a client or of a peer that sends to this node.</summary>
internal sealed class ServerStream : IFrameSink, IDisposable
{
    private const long UnhandledLimitBytes = 4 * 1024 * 1024;

    // A client may have this much of answers waiting before it is cut off; it should read, or ask for less at
    // once.
    private const long ClientLimitBytes = 256L * 1024 * 1024;

    private readonly IServerStreamWriter<StreamFrame> _writer;
    private readonly CancellationTokenSource _ended;
    private string? _failure;

    public ServerStream(Endpoint endpoint, IServerStreamWriter<StreamFrame> writer, BufferPool pool,
        ByteCounters traffic, CancellationToken cancel)
    {
        Endpoint = endpoint;
        _writer = writer;
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Ended = _ended.Token;
        Outbox = endpoint.Kind == EndpointKind.Client
            ? new Outbox(pool, this, ClientLimitBytes, traffic)
            : null;
    }

    /// <summary>Who is at the other end.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>
    /// Answers to a client; null for a peer, which gets its messages over this node's own link to it.
    /// </summary>
    public Outbox? Outbox { get; }

    /// <summary>Bytes received that the loop has not handled.</summary>
    public ByteGate Unhandled { get; } = new(UnhandledLimitBytes);

    /// <summary>Cancelled when the stream shall end from this side or has ended.</summary>
    public CancellationToken Ended { get; }

    /// <summary>Why this side ends the stream; null while it does not.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    /// <summary>Ends the stream with a status that says why. Any thread; the first reason counts.</summary>
    public void Fail(string reason)
    {
        if (Interlocked.CompareExchange(ref _failure, reason, null) is null)
        {
            lock (_ended)
            {
                // From the pool: what the token wakes must not run on the loop's owner.
                if (!Ended.IsCancellationRequested)
                {
                    _ended.CancelAfter(0);
                }
            }
        }
    }

    public Task WriteAsync(StreamFrame frame) => _writer.WriteAsync(frame);

    public void Abort() => Fail("answers are not read");

    public void Dispose()
    {
        lock (_ended)
        {
            _ended.Cancel();
            _ended.Dispose();
        }
    }
}
