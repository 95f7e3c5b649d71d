using System.Net;
using System.Net.Sockets;

namespace Testbed.Links;

/// <summary>
/// One accepted connection and the one made for it. Each direction is a loop of its own that obeys the rule
/// of its pair: what a party sends, its end and its reset included, reaches the other only while that pair is
/// not stalled.
/// </summary>
internal sealed class LinkConnection(RuleBoard board, Socket client, IPEndPoint target, Flow up, Flow down)
{
    private const int BufferBytes = 64 * 1024;

    // A flow that never has to wait would keep its thread from all others.
    private const int TurnsWithoutWait = 16;
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(5);

    // Never disposed: both pumps may still look at it, and without a timer there is nothing to free.
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private Socket? _server;
    private bool _closed;

    /// <summary>From the one who dialled.</summary>
    public Flow Up { get; } = up;

    /// <summary>To the one who dialled.</summary>
    public Flow Down { get; } = down;

    /// <summary>Carries the connection until both directions have ended. Never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            Up.Source = client;
            await OpenAsync().ConfigureAwait(false);
            if (!await DialAsync().ConfigureAwait(false))
            {
                // The refusal is an answer of the one who was dialled.
                await PassAsync(Down, 0).ConfigureAwait(false);
                Abort();
                return;
            }

            await Task.WhenAll(PumpAsync(Up, Down), PumpAsync(Down, Up)).ConfigureAwait(false);
            Close(reset: false);
        }
        catch (OperationCanceledException)
        {
            // Ended from outside, and closed by whoever did it.
        }
    }

    /// <summary>Resets both sides; may be called from any thread and again.</summary>
    public void Abort() => Close(reset: true);

    /// <summary>Resets both sides when a rule wants it.</summary>
    public void Obey(RuleSnapshot rules)
    {
        if (rules.Of(Up.Pair).Resets || rules.Of(Down.Pair).Resets)
        {
            Abort();
        }
    }

    /// <summary>
    /// The handshake of TCP needs both directions: a connection made while either is stalled gets no further
    /// until neither is.
    /// </summary>
    private async Task OpenAsync()
    {
        RuleSnapshot rules;
        do
        {
            await PassAsync(Up, 0).ConfigureAwait(false);
            await PassAsync(Down, 0).ConfigureAwait(false);
            rules = board.Current;
        }
        while (rules.Of(Up.Pair).Stalls || rules.Of(Down.Pair).Stalls);
        Obey(rules);
        _end.Token.ThrowIfCancellationRequested();
    }

    private async Task<bool> DialAsync()
    {
        var server = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        lock (_lock)
        {
            if (_closed)
            {
                server.Dispose();
                throw new OperationCanceledException();
            }

            _server = server;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(DialLimit);
        try
        {
            await server.ConnectAsync(target, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsGone(e) || e is OperationCanceledException)
        {
            _end.Token.ThrowIfCancellationRequested();
            return false;
        }

        Up.Sink = server;
        Down.Source = server;
        Down.Sink = client;
        return true;
    }

    private async Task PumpAsync(Flow flow, Flow reverse)
    {
        var source = flow.Source!;
        var sink = flow.Sink!;
        var buffer = GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true).AsMemory();
        var turns = 0;
        try
        {
            while (true)
            {
                int count;
                try
                {
                    var receive = source.ReceiveAsync(buffer, SocketFlags.None);
                    turns = receive.IsCompleted ? turns + 1 : 0;
                    count = await receive.ConfigureAwait(false);
                }
                catch (Exception e) when (IsGone(e))
                {
                    // The source has reset the connection; the sink hears of it on the way the bytes go.
                    await PassAsync(flow, 0).ConfigureAwait(false);
                    Abort();
                    return;
                }

                if (!board.Current.Of(flow.Pair).IsFree)
                {
                    await PassAsync(flow, count).ConfigureAwait(false);
                }

                if (!await TrySendAsync(flow, sink, buffer[..count]).ConfigureAwait(false))
                {
                    // The sink is gone; the source hears of it on the way back.
                    await PassAsync(reverse, 0).ConfigureAwait(false);
                    Abort();
                    return;
                }

                if (count == 0)
                {
                    return;
                }

                if (turns >= TurnsWithoutWait)
                {
                    turns = 0;
                    await Task.Yield();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Ended from outside.
        }
    }

    /// <summary>Hands on what was read; nothing is the end of what the source sends.</summary>
    private static async ValueTask<bool> TrySendAsync(Flow flow, Socket sink, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            if (bytes.IsEmpty)
            {
                sink.Shutdown(SocketShutdown.Send);
                return true;
            }

            while (!bytes.IsEmpty)
            {
                var sent = await sink.SendAsync(bytes, SocketFlags.None).ConfigureAwait(false);
                flow.Totals.Add(sent);
                bytes = bytes[sent..];
            }

            return true;
        }
        catch (Exception e) when (IsGone(e))
        {
            return false;
        }
    }

    /// <summary>Waits until the rule of the flow lets bytes pass; resets the connection if it says so.</summary>
    private async Task PassAsync(Flow flow, int bytesInHand)
    {
        for (var rules = board.Current; rules.Of(flow.Pair).Stalls; rules = board.Current)
        {
            flow.Hold(bytesInHand);
            await rules.Superseded.WaitAsync(_end.Token).ConfigureAwait(false);
        }

        flow.Release();
        Obey(board.Current);
        _end.Token.ThrowIfCancellationRequested();
    }

    private void Close(bool reset)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
        }

        _end.Cancel();
        CloseSocket(client, reset);
        CloseSocket(_server, reset);
    }

    private static void CloseSocket(Socket? socket, bool reset)
    {
        try
        {
            if (reset && socket is not null)
            {
                socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (SocketException)
        {
            // It is gone already.
        }

        socket?.Dispose();
    }

    private static bool IsGone(Exception e) => e is SocketException or ObjectDisposedException;
}
