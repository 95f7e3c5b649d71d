using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Links;

/// <summary>
/// The connection to a link proxy's control address: one line there, lines back. Commands go one at a time.
/// </summary>
internal sealed class LinkControl : IDisposable
{
    private static readonly TimeSpan ConnectPoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly StreamReader _reader;
    private readonly SemaphoreSlim _turn = new(1);

    private LinkControl(Socket socket)
    {
        _socket = socket;
        _reader = new StreamReader(new NetworkStream(socket), Encoding.UTF8);
    }

    /// <summary>
    /// Connects and has a first command answered; tries again while nobody does. Null when nobody did within
    /// the limit.
    /// </summary>
    public static async Task<LinkControl?> ConnectAsync(string address, TimeSpan limit, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await TryConnectAsync(address, cancel).ConfigureAwait(false) is { } control)
            {
                return control;
            }

            if (Stopwatch.GetElapsedTime(begun) > limit)
            {
                return null;
            }

            await Task.Delay(ConnectPoll, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Sends a command and returns the lines before the final "ok"; throws
    /// <see cref="NodeControlException"/>.
    /// </summary>
    public async Task<IReadOnlyList<string>> AskAsync(string command, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            // Not the caller's token: an answer nobody read would be taken for the next one.
            using var limit = new CancellationTokenSource(AnswerLimit);
            await _socket.SendAsync(Encoding.UTF8.GetBytes(command + "\n"), limit.Token).ConfigureAwait(false);
            return await AnswerAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            throw new NodeControlException("the link proxy is gone: " + e.Message);
        }
        catch (OperationCanceledException)
        {
            _socket.Dispose();
            throw new NodeControlException("the link proxy did not answer in time");
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }

    private static async Task<LinkControl?> TryConnectAsync(string address, CancellationToken cancel)
    {
        var colon = address.LastIndexOf(':');
        var port = int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(AnswerLimit);
            await socket.ConnectAsync(address[..colon].Trim('[', ']'), port, limit.Token).ConfigureAwait(false);
            var control = new LinkControl(socket);
            // A published port of an engine takes connections before the proxy behind it listens.
            await control.AskAsync("links", cancel).ConfigureAwait(false);
            return control;
        }
        catch (Exception e) when (e is SocketException or NodeControlException)
        {
            socket.Dispose();
            return null;
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            return null;
        }
    }

    private async Task<IReadOnlyList<string>> AnswerAsync(CancellationToken cancel)
    {
        var lines = new List<string>();
        while (await _reader.ReadLineAsync(cancel).ConfigureAwait(false) is { } line)
        {
            if (line == "ok")
            {
                return lines;
            }

            if (line.StartsWith("error ", StringComparison.Ordinal))
            {
                throw new NodeControlException("the link proxy refused: " + line["error ".Length..]);
            }

            lines.Add(line);
        }

        throw new NodeControlException("the link proxy is gone");
    }
}
