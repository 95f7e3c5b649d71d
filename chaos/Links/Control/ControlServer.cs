using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Testbed.Links;

/// <summary>Takes commands over TCP, one line each, and answers them in order.</summary>
internal sealed class ControlServer(ProxyServer proxy, IPEndPoint address, Action<string> log) : IAsyncDisposable
{
    private const int MaxLineBytes = 64 * 1024;
    private const int MaxConnections = 16;

    private readonly Socket _socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private bool _disposed;

    /// <summary>Takes the address; throws <see cref="AddressTakenException"/>.</summary>
    public void Bind()
    {
        try
        {
            _socket.Bind(address);
            _socket.Listen(MaxConnections);
        }
        catch (SocketException e)
        {
            throw new AddressTakenException($"cannot listen on {address} (control): {e.Message}");
        }
    }

    /// <summary>Where it listens, with the port the system chose when the option says 0.</summary>
    public string ListensAt() => _socket.LocalEndPoint!.ToString()!;

    /// <summary>Begins to take commands.</summary>
    public void Start() => _running = AcceptAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        using var slots = new SemaphoreSlim(MaxConnections);
        var connections = new List<Task>();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await slots.WaitAsync(_stop.Token).ConfigureAwait(false);
                var socket = await _socket.AcceptAsync(_stop.Token).ConfigureAwait(false);
                connections.RemoveAll(static c => c.IsCompleted);
                connections.Add(ServeAsync(socket, slots));
            }
            catch (SocketException)
            {
                slots.Release();
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                break;
            }
        }

        await Task.WhenAll(connections).ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket socket, SemaphoreSlim slots)
    {
        using var connection = socket;
        connection.NoDelay = true;
        var buffer = new byte[MaxLineBytes];
        var filled = 0;
        try
        {
            while (filled < buffer.Length
                && await connection.ReceiveAsync(buffer.AsMemory(filled), _stop.Token).ConfigureAwait(false) is > 0 and var count)
            {
                filled += count;
                for (var end = buffer.AsSpan(0, filled).IndexOf((byte)'\n'); end >= 0;
                    end = buffer.AsSpan(0, filled).IndexOf((byte)'\n'))
                {
                    var line = Encoding.UTF8.GetString(buffer, 0, end).TrimEnd('\r');
                    buffer.AsSpan(end + 1, filled - end - 1).CopyTo(buffer);
                    filled -= end + 1;
                    var answer = Encoding.UTF8.GetBytes(Commands.Answer(proxy, line, log)).AsMemory();
                    while (!answer.IsEmpty)
                    {
                        answer = answer[await connection.SendAsync(answer, _stop.Token).ConfigureAwait(false)..];
                    }
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The one who commands is gone, or the proxy ends; the rules stay as they are.
        }
        finally
        {
            slots.Release();
        }
    }
}
