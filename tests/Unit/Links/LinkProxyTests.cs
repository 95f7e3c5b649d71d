using System.Net;
using System.Net.Sockets;
using CsCheck;
using Testbed.Links;
using static Testbed.Tests.Unit.Links.ProxyFixture;

namespace Testbed.Tests.Unit.Links;

public sealed class LinkProxyTests
{
    private static readonly byte[] Hello = "hello"u8.ToArray();
    private static readonly byte[] World = "world!"u8.ToArray();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bytes_pass_both_ways_and_are_counted()
    {
        await using var links = new ProxyFixture();
        var (a, b) = await links.ConnectAsync("a");
        await SendAsync(a, Hello);
        await SendAsync(b, World);
        Assert.Equal(Hello, await ReceiveAsync(b, Hello.Length));
        Assert.Equal(World, await ReceiveAsync(a, World.Length));

        // Bytes are counted once they have left: who received them may look before that.
        await UntilAsync(() => links.Counters("a>b") is var c
            && (c.Up.Bytes, c.Down.Bytes) == (Hello.Length, World.Length));
        var counters = links.Counters("a>b");
        Assert.Equal((1, 1, 0), (counters.Open, counters.Accepted, counters.AcceptedStalled));
        Assert.Equal((0, 0), (counters.Up.Held, counters.Down.Held));
    }

    [Fact]
    public async Task One_side_may_end_while_the_other_goes_on()
    {
        await using var links = new ProxyFixture();
        var (a, b) = await links.ConnectAsync("a");
        await SendAsync(a, Hello);
        a.Shutdown(SocketShutdown.Send);
        Assert.Equal(Hello, await ReceiveAsync(b, 100));
        await SendAsync(b, World);
        b.Shutdown(SocketShutdown.Send);
        Assert.Equal(World, await ReceiveAsync(a, 100));
        await UntilAsync(() => links.Counters("a>b").Open == 0);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public async Task A_stall_keeps_back_one_direction_whoever_dialled(string dialler)
    {
        await using var links = new ProxyFixture();
        var (one, other) = await links.ConnectAsync(dialler);
        var (a, b) = dialler == "a" ? (one, other) : (other, one);
        links.Rules("a>b:stall");
        await SendAsync(a, Hello);
        await SendAsync(b, World);

        Assert.Equal(World, await ReceiveAsync(a, World.Length));
        await UntilAsync(() => Held(links, dialler) == (1, Hello.Length));
        Assert.Equal(0, b.Available);

        links.Rules();
        Assert.Equal(Hello, await ReceiveAsync(b, Hello.Length));
        await UntilAsync(() => Held(links, dialler) == (0, 0));

        static (int, long) Held(ProxyFixture links, string dialler)
        {
            var counters = links.Counters(dialler == "a" ? "a>b" : "b>a");
            var flow = dialler == "a" ? counters.Up : counters.Down;
            return (flow.Held, flow.WaitingBytes);
        }
    }

    [Fact]
    public async Task A_stalled_sender_feels_it_and_everything_arrives_in_order_after_the_mend()
    {
        const int size = 32 * 1024 * 1024;
        await using var links = new ProxyFixture();
        var (a, b) = await links.ConnectAsync("a");
        var sent = new byte[size];
        new Random(7).NextBytes(sent);
        links.Rules("a>b:stall");
        var sending = SendAsync(a, sent);
        await UntilAsync(() => links.Counters("a>b").Up.WaitingBytes > 64 * 1024);
        Assert.False(sending.IsCompleted);
        Assert.Equal(0, links.Counters("a>b").Up.Bytes);

        links.Rules();
        Assert.Equal(sent, await ReceiveAsync(b, size));
        await sending.WaitAsync(Cancel);
    }

    [Theory]
    [InlineData("a>b:stall")]
    [InlineData("b>a:stall")]
    public async Task A_connection_made_in_a_stall_is_accepted_and_gets_nowhere_until_the_mend(string rule)
    {
        await using var links = new ProxyFixture();
        links.Rules(rule);
        var a = await links.DialAsync("a");
        await SendAsync(a, Hello);
        await UntilAsync(() => links.Counters("a>b") is { AcceptedStalled: 1 } c && c.Up.Held + c.Down.Held == 1);
        Assert.False(links.HasArrived("b"));

        links.Rules();
        var b = await links.AcceptAsync("b");
        Assert.Equal(Hello, await ReceiveAsync(b, Hello.Length));
    }

    [Fact]
    public async Task The_end_and_the_reset_of_a_party_do_not_pass_a_stall()
    {
        await using var links = new ProxyFixture();
        var (ending, toldOfEnd) = await links.ConnectAsync("a");
        var (resetting, toldOfReset) = await links.ConnectAsync("a");
        links.Rules("a>b:stall");
        ending.Shutdown(SocketShutdown.Send);
        resetting.LingerState = new LingerOption(true, 0);
        resetting.Dispose();
        await UntilAsync(() => links.Counters("a>b").Up.Held == 2);
        Assert.False(toldOfEnd.Poll(0, SelectMode.SelectRead));
        Assert.False(toldOfReset.Poll(0, SelectMode.SelectRead));

        links.Rules();
        Assert.Empty(await ReceiveAsync(toldOfEnd, 1));
        await AssertResetAsync(toldOfReset);
    }

    [Fact]
    public async Task A_reset_ends_living_connections_at_once_and_new_ones_as_they_come()
    {
        await using var links = new ProxyFixture();
        var (a, b) = await links.ConnectAsync("a");
        links.Rules("b>a:reset");
        await AssertResetAsync(a);
        await AssertResetAsync(b);
        await AssertResetAsync(async () => await ReceiveAsync(await links.DialAsync("a"), 1));
        Assert.False(links.HasArrived("b"));

        links.Rules();
        var (again, _) = await links.ConnectAsync("a");
        await SendAsync(again, Hello);
    }

    [Fact]
    public async Task A_reset_ends_a_stalled_connection_too()
    {
        await using var links = new ProxyFixture();
        var (a, b) = await links.ConnectAsync("a");
        links.Rules("a>b:stall");
        await SendAsync(a, Hello);
        await UntilAsync(() => links.Counters("a>b").Up.Held == 1);
        links.Rules("a>b:stall,reset");
        await AssertResetAsync(b);
        await UntilAsync(() => links.Counters("a>b").Open == 0);
    }

    [Fact]
    public async Task A_party_that_does_not_listen_is_a_reset_for_the_one_who_dials()
    {
        await using var links = new ProxyFixture();
        var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        var target = (IPEndPoint)nobody.LocalEndpoint;
        nobody.Dispose();
        await using var proxy = new ProxyServer(
            [new LinkSpec("a", "c", new IPEndPoint(IPAddress.Loopback, 0), target)]);
        proxy.Bind();
        proxy.Start();
        using var a = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await AssertResetAsync(async () =>
        {
            await a.ConnectAsync(IPEndPoint.Parse(proxy.Links[0].ListensAt()), Cancel);
            await ReceiveAsync(a, 1);
        });
    }

    [Fact]
    public async Task The_end_of_the_proxy_resets_everything_stalled_or_not()
    {
        await using var links = new ProxyFixture();
        var (a, _) = await links.ConnectAsync("a");
        var (_, b) = await links.ConnectAsync("a");
        links.Rules("a>b:stall");
        var stalled = await links.DialAsync("a");
        await UntilAsync(() => links.Counters("a>b").Up.Held == 1);
        await links.Proxy.DisposeAsync();
        await AssertResetAsync(a);
        await AssertResetAsync(b);
        await AssertResetAsync(stalled);
    }

    [Fact]
    public Task Whatever_rules_come_and_go_bytes_arrive_whole_and_in_order()
    {
        var rules = Gen.Int[0, 3].Select(i => new[] { "", "a>b:stall", "b>a:stall", "a>b:stall b>a:stall" }[i]);
        return Gen.Select(rules.Array[0, 12], Gen.Int[1, 40_000].Array[1, 12], Gen.Int[1, 40_000].Array[1, 12])
            .SampleAsync(
                async (swaps, up, down) =>
                {
                    await using var links = new ProxyFixture();
                    var (a, b) = await links.ConnectAsync("a");
                    var tasks = new[] { CarryAsync(a, b, up), CarryAsync(b, a, down) };
                    foreach (var swap in swaps)
                    {
                        links.Rules(swap);
                        await Task.Yield();
                    }

                    links.Rules();
                    return (await Task.WhenAll(tasks)).All(whole => whole);
                },
                iter: 60, threads: 1);

        static async Task<bool> CarryAsync(Socket from, Socket to, int[] sizes)
        {
            var bytes = new byte[sizes.Sum()];
            new Random(bytes.Length).NextBytes(bytes);
            var receiving = ReceiveAsync(to, bytes.Length);
            var at = 0;
            foreach (var size in sizes)
            {
                await SendAsync(from, bytes.AsMemory(at, size));
                at += size;
            }

            return (await receiving).AsSpan().SequenceEqual(bytes);
        }
    }

    private static Task AssertResetAsync(Socket socket) => AssertResetAsync(() => ReceiveAsync(socket, 1));

    private static async Task AssertResetAsync(Func<Task> act)
    {
        // It may come before the one who dials has seen its connection made.
        var e = await Assert.ThrowsAsync<SocketException>(act);
        Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
    }
}
