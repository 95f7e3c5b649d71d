using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
using Testbed.Client.Links;
using Testbed.Wire;

namespace Testbed.Node.Server;

/// <summary>What a unary call asks for.</summary>
internal readonly record struct Call(KvKind Kind, ReadOnlyMemory<byte> Key)
{
    /// <summary>The value to write.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>True: a compare-and-set needs the key to hold <see cref="Expected"/>; false: to be absent.</summary>
    public bool ExpectsValue { get; init; }

    /// <summary>The value it must hold then; empty otherwise.</summary>
    public ReadOnlyMemory<byte> Expected { get; init; }

    /// <summary>Most keys of a scan.</summary>
    public int ScanLimit { get; init; }
}

/// <summary>
/// Unary calls in the core's terms: requests of one client, the host itself, told apart by correlation id.
/// For people and other clients; load goes over streams.
/// </summary>
internal sealed class UnaryCalls : IFrameSink
{
    /// <summary>The host's own client endpoint; streams count from 1.</summary>
    public const int ClientId = 0;

    private const int MostOutstanding = 4096;
    private const long AnswersLimitBytes = 1024L * 1024 * 1024;

    private static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPatience = TimeSpan.FromMinutes(1);

    private readonly NodeLoop _loop;
    private readonly NodeOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<KvReply>> _outstanding = new();
    private long _lastId;

    public UnaryCalls(NodeLoop loop, NodeOptions options, BufferPool pool, TimeProvider time)
    {
        _loop = loop;
        _options = options;
        _time = time;
        loop.Register(ClientId, new Outbox(pool, this, AnswersLimitBytes, new ByteCounters()));
    }

    /// <summary>
    /// Has the core carry out one operation; throws <see cref="RpcException"/> unless it has a definite answer. Without
    /// a session: nothing is sent again.
    /// </summary>
    public async Task<KvReply> CallAsync(Call call, ServerCallContext context)
    {
        Check(call);
        try
        {
            var reply = await AskAsync(
                (id, patience) => Frame(new KvRequest(
                    id, call.Kind, call.Key, call.Value, call.ScanLimit, (uint)patience.TotalMicroseconds)
                {
                    ExpectsValue = call.ExpectsValue,
                    Expected = call.Expected,
                }),
                context).ConfigureAwait(false);
            return Checked(call.Kind, reply);
        }
        catch (TimeoutException)
        {
            throw Refused(StatusCode.DeadlineExceeded, WithEffect(call.Kind, "no answer in time"));
        }
        catch (OperationCanceledException)
        {
            throw Refused(StatusCode.Cancelled, WithEffect(call.Kind, "cancelled"));
        }
    }

    /// <summary>Has the core change the members; throws <see cref="RpcException"/> unless it agrees.</summary>
    public async Task<KvReply> AdminAsync(
        RaftAdminKind kind, uint node, ReadOnlyMemory<byte> address, ServerCallContext context)
    {
        if (address.Length > RaftMessage.AddressBytes)
        {
            throw Refused(StatusCode.InvalidArgument, "the address is too long");
        }

        try
        {
            var reply = await AskAsync(
                (id, _) => Frame(new RaftMessage
                {
                    Kind = RaftMessageKind.Admin, Round = id, Index = node, LogTerm = (ulong)kind, Payload = address,
                }),
                context).ConfigureAwait(false);
            var text = Encoding.UTF8.GetString(reply.Value.Span);
            return reply.Status switch
            {
                KvStatus.Ok => reply,
                KvStatus.Busy => throw Refused(StatusCode.ResourceExhausted, text),
                KvStatus.Rejected => throw Refused(StatusCode.InvalidArgument, text),
                _ => Checked(KvKind.Get, reply),
            };
        }
        catch (TimeoutException)
        {
            throw Refused(StatusCode.DeadlineExceeded, "no answer in time: whether the change is made is unknown");
        }
        catch (OperationCanceledException)
        {
            throw Refused(StatusCode.Cancelled, "cancelled: whether the change is made is unknown");
        }
    }

    /// <summary>Has the core give up what it holds; throws <see cref="RpcException"/> unless it did.</summary>
    public async Task ResetAsync(uint incarnation, ServerCallContext context)
    {
        try
        {
            var reply = await AskAsync((id, _) => Frame(new EccReset(id, incarnation)), context)
                .ConfigureAwait(false);
            if (reply.Status != KvStatus.Ok)
            {
                throw Refused(StatusCode.FailedPrecondition, Encoding.UTF8.GetString(reply.Value.Span));
            }
        }
        catch (TimeoutException)
        {
            throw Refused(StatusCode.DeadlineExceeded, "no answer in time: whether the node was reset is unknown");
        }
        catch (OperationCanceledException)
        {
            throw Refused(StatusCode.Cancelled, "cancelled: whether the node was reset is unknown");
        }
    }

    private async Task<KvReply> AskAsync(Func<ulong, TimeSpan, byte[]> frame, ServerCallContext context)
    {
        if (_outstanding.Count >= MostOutstanding)
        {
            throw Refused(StatusCode.ResourceExhausted, "too many unary calls at once; nothing was done");
        }

        var patience = context.Deadline == DateTime.MaxValue
            ? UsualPatience
            : context.Deadline.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;
        patience = TimeSpan.FromTicks(Math.Clamp(patience.Ticks, 1, LongestPatience.Ticks));
        var id = (ulong)Interlocked.Increment(ref _lastId);
        var waiting = new TaskCompletionSource<KvReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _outstanding[id] = waiting;
        try
        {
            _loop.Request(ClientId, frame(id, patience));
            return await waiting.Task.WaitAsync(patience, _time, context.CancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _outstanding.TryRemove(id, out _);
        }
    }

    /// <summary>
    /// Takes answers from the core. The buffers are used again afterwards, so what is kept is copied.
    /// </summary>
    public Task WriteAsync(StreamFrame frame)
    {
        foreach (var segment in frame.Segments)
        {
            var messages = new FrameReader(segment.Buffer.AsMemory(0, segment.Length));
            while (messages.TryNext(out var message))
            {
                if (KvReply.TryRead(message, out var reply)
                    && _outstanding.TryGetValue(reply.CorrelationId, out var waiting))
                {
                    waiting.TrySetResult(reply with
                    {
                        Value = reply.Value.ToArray(),
                        Entries = reply.Entries.ToArray(),
                    });
                }
            }
        }

        return Task.CompletedTask;
    }

    public void Abort()
    {
        // Answers are taken at once: there is no stream that could stop reading.
    }

    private static void Check(in Call call)
    {
        var valueBytes = (long)call.Value.Length + call.Expected.Length;
        var wrong = (call.Kind, call.Key.Length) switch
        {
            (not KvKind.Scan, 0) => "the key is empty",
            (_, > Limits.KeyBytes) =>
                $"the key has {call.Key.Length} bytes, at most {Limits.KeyBytes} are allowed",
            _ when valueBytes > Limits.ValueBytes =>
                $"the value has {valueBytes} bytes, at most {Limits.ValueBytes} are allowed",
            _ when call.ScanLimit is < 0 or > Limits.ScanKeys => $"a scan returns at most {Limits.ScanKeys} keys",
            _ => null,
        };
        if (wrong is not null)
        {
            throw Refused(StatusCode.InvalidArgument, wrong);
        }
    }

    private static byte[] Frame(in KvRequest request)
    {
        var buffer = new byte[FrameReader.PrefixBytes + request.MaxBytes];
        var length = request.Write(buffer.AsSpan(FrameReader.PrefixBytes));
        new WireWriter(buffer).U32((uint)length);
        return buffer[..(FrameReader.PrefixBytes + length)];
    }

    private static byte[] Frame(in RaftMessage message)
    {
        var buffer = new byte[FrameReader.PrefixBytes + RaftMessage.HeadBytes + message.Payload.Length];
        var length = message.Write(buffer.AsSpan(FrameReader.PrefixBytes));
        new WireWriter(buffer).U32((uint)length);
        return buffer[..(FrameReader.PrefixBytes + length)];
    }

    private static byte[] Frame(in EccReset reset)
    {
        var buffer = new byte[FrameReader.PrefixBytes + EccReset.Bytes];
        var length = reset.Write(buffer.AsSpan(FrameReader.PrefixBytes));
        new WireWriter(buffer).U32((uint)length);
        return buffer;
    }

    private KvReply Checked(KvKind kind, in KvReply reply) => reply.Status switch
    {
        KvStatus.Ok or KvStatus.NotFound or KvStatus.PreconditionFailed => reply,
        KvStatus.NotLeader =>
            throw Refused(StatusCode.FailedPrecondition, reply.LeaderHint switch
            {
                KvReply.NoLeader => "this node does not lead, and no leader is known",
                var leader when leader < _options.Nodes.Count =>
                    $"this node does not lead; n{leader} does, at {_options.Nodes[leader]}",
                var added => $"this node does not lead; n{added} does, which was added later",
            }),
        KvStatus.Busy when !reply.Value.IsEmpty =>
            throw Refused(StatusCode.Unavailable, Encoding.UTF8.GetString(reply.Value.Span) + "; nothing was done"),
        KvStatus.Busy =>
            throw Refused(StatusCode.ResourceExhausted, "a limit is reached; nothing was done, try again"),
        KvStatus.Rejected when kind == KvKind.CompareAndSet =>
            throw Refused(StatusCode.Unimplemented, Encoding.UTF8.GetString(reply.Value.Span)),
        KvStatus.Rejected =>
            throw Refused(StatusCode.InvalidArgument, "the node cannot carry this out; nothing was done"),
        _ => throw Refused(StatusCode.Unavailable, WithEffect(kind, "the node gave up")),
    };

    private static string WithEffect(KvKind kind, string what) =>
        kind is KvKind.Put or KvKind.Delete or KvKind.CompareAndSet ? $"{what}: the effect is unknown" : what;

    private static RpcException Refused(StatusCode code, string detail) => new(new Status(code, detail));
}
