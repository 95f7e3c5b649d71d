using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Benchmarks.Support;

/// <summary>
/// A server in this process that sends back what it gets, and two connections to it: one past a link proxy,
/// one through it.
/// </summary>
internal sealed class EchoPair : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _folder = Directory.CreateTempSubdirectory("testbed-benchmark-").FullName;
    private readonly LinkProxy _proxy;
    private readonly byte[] _buffer;

    private EchoPair(int messageBytes)
    {
        _buffer = new byte[messageBytes];
        _listener.Start();
        _proxy = new LinkProxy(
            [_listener.LocalEndpoint.ToString()!],
            [.. Ports.Choose(LinkProxy.AddressesFor(1)).Select(p => string.Create(
                CultureInfo.InvariantCulture, $"127.0.0.1:{p}"))],
            _folder);
    }

    public Socket Direct { get; } = New();

    public Socket Proxied { get; } = New();

    public static async Task<EchoPair> StartAsync(int messageBytes, CancellationToken cancel)
    {
        var pair = new EchoPair(messageBytes);
        await pair._proxy.StartAsync(() => { }, (_, _) => { }, cancel).ConfigureAwait(false);
        await pair.Direct.ConnectAsync(pair._listener.LocalEndpoint, cancel).ConfigureAwait(false);
        pair.Serve(await pair._listener.AcceptSocketAsync(cancel).ConfigureAwait(false));
        await pair.Proxied.ConnectAsync(IPEndPoint.Parse(pair._proxy.Plan.ClientView[0]), cancel).ConfigureAwait(false);
        pair.Serve(await pair._listener.AcceptSocketAsync(cancel).ConfigureAwait(false));
        return pair;
    }

    /// <summary>Processor time of the proxy so far.</summary>
    public TimeSpan ProxyCpu()
    {
        using var process = Process.GetProcessById(_proxy.Process.Pid);
        return process.TotalProcessorTime;
    }

    /// <summary>Median of so many round trips one after another, in microseconds.</summary>
    public double RoundTrips(Socket socket, int count)
    {
        var micros = new double[count];
        for (var i = 0; i < count; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            socket.Send(_buffer);
            for (var got = 0; got < _buffer.Length;)
            {
                got += socket.Receive(_buffer, got, _buffer.Length - got, SocketFlags.None);
            }

            micros[i] = Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        }

        Array.Sort(micros);
        return micros[count / 2];
    }

    public async ValueTask DisposeAsync()
    {
        Direct.Dispose();
        Proxied.Dispose();
        _listener.Dispose();
        await _proxy.EndAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }

    private static Socket New() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private void Serve(Socket socket)
    {
        socket.NoDelay = true;
        var thread = new Thread(() =>
        {
            var buffer = new byte[_buffer.Length];
            try
            {
                while (socket.Receive(buffer) is > 0 and var count)
                {
                    socket.Send(buffer, 0, count, SocketFlags.None);
                }
            }
            catch (SocketException)
            {
                // The proxy ended with its connections.
            }

            socket.Dispose();
        })
        { IsBackground = true, Name = "echo" };
        thread.Start();
    }
}
