using System.Net;
using System.Net.Sockets;
using Testbed.Faults;
using Testbed.Harness.Clusters.Links;
using Testbed.Injectors;
using Testbed.Links;
using LinkCounters = Testbed.Harness.Clusters.Links.LinkCounters;

namespace Testbed.Tests.Unit.Clusters;

public sealed class LinkControllerTests : IAsyncLifetime
{
    private static readonly LinkLimits Limits = new()
    {
        Poll = TimeSpan.FromMilliseconds(1),
        Quiet = TimeSpan.FromMilliseconds(50),
        Effect = TimeSpan.FromSeconds(15),
        Mend = TimeSpan.FromSeconds(15),
    };

    private readonly List<TcpListener> _nodes = [];
    private readonly List<Task> _traffic = [];
    private readonly CancellationTokenSource _end = new();
    private ProxyServer _proxy = null!;
    private ControlServer _control = null!;
    private LinkController _controller = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            _nodes.Add(new TcpListener(IPAddress.Loopback, 0));
            _nodes[i].Start();
        }

        var plan = new LinkPlan([.. _nodes.Select(n => n.LocalEndpoint.ToString()!)], _ => "127.0.0.1:0");
        var options = LinkOptions.Parse(plan.Arguments("127.0.0.1:0", exitWithParent: false));
        _proxy = new ProxyServer(options.Links);
        _proxy.Bind();
        _proxy.Start();
        _control = new ControlServer(_proxy, options.Control, _ => { });
        _control.Bind();
        _control.Start();
        _controller = await ControllerAsync(Limits);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _controller.Dispose();
        await _control.DisposeAsync();
        await _proxy.DisposeAsync();
        _nodes.ForEach(n => n.Dispose());
        await Task.WhenAll(_traffic);
        _end.Dispose();
    }

    [Theory]
    [InlineData(FaultKind.Partition)]
    [InlineData(FaultKind.PartitionIn)]
    [InlineData(FaultKind.PartitionOut)]
    [InlineData(FaultKind.Isolate)]
    public async Task A_fault_with_traffic_has_evidence_when_it_comes_and_when_it_goes(FaultKind kind)
    {
        await TalkAsync(0, 1);
        var fault = Fault(1, kind, 1);
        var applied = await _controller.InflictAsync(fault, 1, Cancel);
        Assert.Matches(@"^nothing passed for \d+ ms; held back: ", applied);
        Assert.Equal(kind != FaultKind.PartitionOut, applied.Contains("1 connection towards n1", StringComparison.Ordinal));
        Assert.Equal(kind != FaultKind.PartitionIn, applied.Contains("1 connection from n1", StringComparison.Ordinal));

        var healed = await _controller.RelieveAsync(fault, 1, Cancel);
        Assert.Matches(@"^bytes flow (to and from|to|from) n1 again \d+ ms after the links were mended; ", healed);
        Assert.True(IsFree());
    }

    [Fact]
    public async Task A_cut_that_nobody_notices_is_refused_and_undone()
    {
        await TalkAsync(0, 2);
        using var impatient = await ControllerAsync(Limits with { Effect = TimeSpan.FromMilliseconds(200) });
        var e = await Assert.ThrowsAsync<NodeControlException>(
            () => impatient.InflictAsync(Fault(1, FaultKind.Partition, 1), 1, Cancel));
        Assert.Equal("nobody sent anything over the cut links of n1 for 0.2 s, so the cut had no effect", e.Message);
        Assert.True(IsFree());
    }

    [Fact]
    public async Task Faults_overlap_and_go_one_by_one()
    {
        await TalkAsync(0, 1);
        await TalkAsync(1, 2);
        await TalkAsync(2, 0);
        var one = Fault(1, FaultKind.Partition, 1);
        var two = Fault(2, FaultKind.Partition, 2);
        await Task.WhenAll(_controller.InflictAsync(one, 1, Cancel), _controller.InflictAsync(two, 2, Cancel));
        await _controller.RelieveAsync(one, 1, Cancel);
        Assert.True(Stalls("n1", "n2"));
        Assert.False(Stalls("n0", "n1"));
        await _controller.RelieveAsync(two, 2, Cancel);
        Assert.True(IsFree());
    }

    [Fact]
    public async Task A_fault_whose_links_others_cut_as_well_says_so_when_it_goes()
    {
        await TalkAsync(0, 1);
        await TalkAsync(1, 2);
        var inside = Fault(1, FaultKind.PartitionIn, 1);
        var around = Fault(2, FaultKind.Isolate, 1);
        await _controller.InflictAsync(inside, 1, Cancel);
        await _controller.InflictAsync(around, 1, Cancel);
        Assert.Equal("lifted; its links stay cut by other faults", await _controller.RelieveAsync(inside, 1, Cancel));
    }

    [Fact]
    public async Task A_proxy_that_is_gone_is_one_clear_line()
    {
        await _control.DisposeAsync();
        _ = await Assert.ThrowsAsync<NodeControlException>(
            () => _controller.RelieveAsync(Fault(1, FaultKind.Partition, 1), 1, Cancel));
        Assert.Null(await LinkControl.ConnectAsync("127.0.0.1:1", TimeSpan.Zero, Cancel));
    }

    [Fact]
    public void Counters_of_a_pair_come_from_the_links_of_both_directions()
    {
        var counters = LinkCounters.Parse(
        [
            "link n0>n1 open 1 accepted 2 accepted_stalled 0 up_bytes 10 up_waiting 3 up_held 1 down_bytes 200 down_waiting 0 down_held 0",
            "link n1>n0 open 1 accepted 1 accepted_stalled 0 up_bytes 4000 up_waiting 0 up_held 0 down_bytes 5 down_waiting 7 down_held 1",
        ]);
        Assert.Equal(new PairCounters(15, 10, 2), counters.Sum([new LinkPair("n0", "n1")]));
        Assert.Equal(new PairCounters(4200, 0, 0), counters.Sum([new LinkPair("n1", "n0")]));
        Assert.Equal(default, counters.Sum([new LinkPair("n1", "n2")]));
        Assert.Throws<FormatException>(() => LinkCounters.Parse(["hello"]));
    }

    /// <summary>A connection on which both parties send a byte every two milliseconds.</summary>
    private async Task TalkAsync(int from, int to)
    {
        var link = _proxy.Links.Single(l => l.Spec.Name == $"n{from}>n{to}");
        var dialler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await dialler.ConnectAsync(IPEndPoint.Parse(link.ListensAt()), Cancel);
        var dialled = await _nodes[to].AcceptSocketAsync(Cancel);
        foreach (var end in new[] { dialler, dialled })
        {
            _traffic.Add(Task.Run(() => DrainAsync(end), Cancel));
            _traffic.Add(Task.Run(() => SendAsync(end), Cancel));
        }
    }

    private async Task SendAsync(Socket socket)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
            {
                await socket.SendAsync(new byte[1], _end.Token);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
        }
    }

    private async Task DrainAsync(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, _end.Token) > 0)
            {
                // Only that bytes are taken counts.
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
        }
    }

    private async Task<LinkController> ControllerAsync(LinkLimits limits)
    {
        var control = await LinkControl.ConnectAsync(_control.ListensAt(), TimeSpan.FromSeconds(5), Cancel);
        return new LinkController(control!, 3, limits);
    }

    private bool Stalls(string source, string sink) =>
        _proxy.Board.Current.Of(_proxy.Board.PairOf(source, sink)).Stalls;

    private bool IsFree() => !(from a in Names from b in Names where a != b && Stalls(a, b) select a).Any();

    private static readonly string[] Names = ["n0", "n1", "n2"];

    private static PlannedFault Fault(int id, FaultKind kind, int node) =>
        new() { Id = id, Kind = kind, Target = FaultTarget.Node(node), AtNanos = 0 };
}
