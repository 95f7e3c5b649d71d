using System.Net;
using System.Net.Sockets;
using System.Text;
using Testbed.Links;

namespace Testbed.Tests.Unit.Links;

public sealed class CommandTests
{
    [Theory]
    [InlineData("stop", "error unknown command: use rules, counters or links\n")]
    [InlineData("", "error unknown command: use rules, counters or links\n")]
    [InlineData("rules a>b", "error a>b: must be SOURCE>SINK:stall or SOURCE>SINK:reset\n")]
    [InlineData("rules a>b:slow", "error a>b:slow: must be SOURCE>SINK:stall or SOURCE>SINK:reset\n")]
    [InlineData("rules a>c:stall", "error a>c:stall: no link carries such bytes\n")]
    [InlineData("rules a>b:stall a>b:reset", "error a>b is given twice\n")]
    public async Task A_wrong_command_is_one_line_and_changes_nothing(string line, string expected)
    {
        await using var links = new ProxyFixture();
        links.Rules("b>a:stall");
        Assert.Equal(expected, Commands.Answer(links.Proxy, line, _ => { }));
        var rules = links.Proxy.Board.Current;
        Assert.True(rules.Of(links.Proxy.Board.PairOf("b", "a")).Stalls);
        Assert.True(rules.Of(links.Proxy.Board.PairOf("a", "b")).IsFree);
    }

    [Fact]
    public async Task Rules_replace_all_former_ones_and_are_logged()
    {
        await using var links = new ProxyFixture();
        var log = new List<string>();
        Commands.Answer(links.Proxy, "rules a>b:stall", log.Add);
        Commands.Answer(links.Proxy, "rules b>a:stall,reset", log.Add);
        Commands.Answer(links.Proxy, "rules", log.Add);
        Assert.Equal(["rules: a>b:stall", "rules: b>a:stall,reset", "rules: none"], log);
        Assert.True(links.Proxy.Board.Current.Of(links.Proxy.Board.PairOf("b", "a")).IsFree);
    }

    [Fact]
    public async Task Commands_come_over_a_connection_in_pieces_or_many_at_once()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var links = new ProxyFixture();
        await using var control = new ControlServer(links.Proxy, new IPEndPoint(IPAddress.Loopback, 0), _ => { });
        control.Bind();
        control.Start();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(control.ListensAt()), cancel);
        using var reader = new StreamReader(new NetworkStream(socket));

        await socket.SendAsync("coun"u8.ToArray(), cancel);
        await socket.SendAsync("ters\nlinks\r\nrules a>b:stall\nnonsense\n"u8.ToArray(), cancel);
        var lines = new List<string?>();
        for (var i = 0; i < 8; i++)
        {
            lines.Add(await reader.ReadLineAsync(cancel));
        }

        Assert.Equal(
            "link a>b open 0 accepted 0 accepted_stalled 0 up_bytes 0 up_waiting 0 up_held 0 "
            + "down_bytes 0 down_waiting 0 down_held 0", lines[0]);
        Assert.StartsWith("link b>a open 0", lines[1], StringComparison.Ordinal);
        Assert.Equal("ok", lines[2]);
        Assert.Equal($"link a>b {links.Proxy.Links[0].ListensAt()} {links.Proxy.Links[0].Spec.Target}", lines[3]);
        Assert.Equal(["ok", "ok"], lines[5..7]);
        Assert.StartsWith("error unknown command", lines[7], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_end_costs_the_connection()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var links = new ProxyFixture();
        await using var control = new ControlServer(links.Proxy, new IPEndPoint(IPAddress.Loopback, 0), _ => { });
        control.Bind();
        control.Start();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(control.ListensAt()), cancel);
        await ProxyFixture.SendAsync(socket, Encoding.ASCII.GetBytes(new string('x', 64 * 1024)));
        Assert.Empty(await ProxyFixture.ReceiveAsync(socket, 1));
    }
}
