using System.Net;
using System.Net.Sockets;
using Testbed.Links;

namespace Testbed.Tests.Unit.Links;

/// <summary>
/// Two parties, a and b, that listen on loopback, and a proxy with the links of both directions between them.
/// </summary>
internal sealed class ProxyFixture : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TcpListener _a = Listener();
    private readonly TcpListener _b = Listener();
    private readonly List<Socket> _sockets = [];

    public ProxyFixture()
    {
        Proxy = new ProxyServer(
        [
            new LinkSpec("a", "b", new IPEndPoint(IPAddress.Loopback, 0), (IPEndPoint)_b.LocalEndpoint),
            new LinkSpec("b", "a", new IPEndPoint(IPAddress.Loopback, 0), (IPEndPoint)_a.LocalEndpoint),
        ]);
        Proxy.Bind();
        Proxy.Start();
    }

    public ProxyServer Proxy { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Puts rules in force by their text: "a>b:stall".</summary>
    public void Rules(params string[] rules) =>
        Assert.Equal("ok\n", Commands.Answer(Proxy, string.Join(' ', rules.Prepend("rules")), _ => { }));

    public LinkCounters Counters(string link) => Proxy.Counters().Single(c => c.Link == link);

    /// <summary>A connection from one party to the other: its two ends.</summary>
    public async Task<(Socket Dialler, Socket Dialled)> ConnectAsync(string from)
    {
        var dialler = await DialAsync(from);
        return (dialler, await AcceptAsync(from == "a" ? "b" : "a"));
    }

    /// <summary>A party dials the other through the proxy.</summary>
    public async Task<Socket> DialAsync(string from)
    {
        var link = Proxy.Links.Single(l => l.Spec.From == from);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _sockets.Add(socket);
        await socket.ConnectAsync(IPEndPoint.Parse(link.ListensAt()), Cancel);
        return socket;
    }

    /// <summary>The next connection that reaches a party.</summary>
    public async Task<Socket> AcceptAsync(string party)
    {
        var socket = await (party == "a" ? _a : _b).AcceptSocketAsync(Cancel).AsTask().WaitAsync(Limit, Cancel);
        _sockets.Add(socket);
        return socket;
    }

    /// <summary>True when a connection has reached a party and was not taken yet.</summary>
    public bool HasArrived(string party) => (party == "a" ? _a : _b).Pending();

    public static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, Cancel)..];
        }
    }

    /// <summary>Reads so many bytes; fewer when the other side ends.</summary>
    public static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(Limit);
        var bytes = new byte[count];
        var filled = 0;
        while (filled < count && await socket.ReceiveAsync(bytes.AsMemory(filled), limit.Token) is > 0 and var read)
        {
            filled += read;
        }

        return bytes[..filled];
    }

    /// <summary>Waits until something is so.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var deadline = DateTime.UtcNow + Limit; !condition();)
        {
            Assert.True(DateTime.UtcNow < deadline, "it never became so");
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        _sockets.ForEach(s => s.Dispose());
        _a.Dispose();
        _b.Dispose();
    }

    private static TcpListener Listener()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }
}
