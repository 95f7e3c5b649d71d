using System.Diagnostics;
using System.Globalization;
using Testbed.Client;
using Testbed.Tests.EndToEnd.Nodes;

namespace Testbed.Tests.EndToEnd.Ecc;

/// <summary>
/// Five coded nodes, (5,3), as processes, and what they count. No timer of theirs decides anything: they hedge
/// only after a minute.
/// </summary>
internal sealed class EccCluster : IAsyncDisposable
{
    public const int Nodes = 5;
    public const int DataElements = 3;

    /// <summary>Longer than any test: what is asked once is not asked again.</summary>
    public static readonly TimeSpan NoHedge = TimeSpan.FromMinutes(1);

    /// <summary>Until a condition that must come has come, and for operations that must succeed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private readonly TemporaryFolder _folder = new();
    private readonly NodeProcess?[] _nodes = new NodeProcess?[Nodes];
    private readonly NodeProbe[] _probes;
    private readonly string[] _options;
    private ulong _clients;

    private EccCluster(string durability, string[] more)
    {
        Addresses = NodeProcess.FreeAddresses(Nodes);
        _probes = [.. Addresses.Select(address => new NodeProbe(address))];
        _options =
        [
            "--strategy", "ecc", "--nodes", string.Join(',', Addresses), "--data-elements", "3",
            "--durability", durability, "--hedge-after", "60000", "--exit-with-parent", .. more,
        ];
    }

    public string[] Addresses { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts all nodes and waits until each votes and sees the others.</summary>
    public static async Task<EccCluster> StartAsync(string durability, params string[] more)
    {
        var cluster = new EccCluster(durability, more);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Nodes).Select(node => cluster.StartNodeAsync(node)));
            await cluster.WholeAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a node that does not run.</summary>
    public async Task StartNodeAsync(int node, params string[] more)
    {
        var id = node.ToString(CultureInfo.InvariantCulture);
        _nodes[node] = NodeProcess.Launch(
            Addresses[node], ["--id", id, "--data", _folder.Of(node), .. _options, .. more]);
        await _nodes[node]!.ServingAsync();
    }

    /// <summary>Kills a node.</summary>
    public async Task KillAsync(int node)
    {
        await _nodes[node]!.KillAsync();
        await _nodes[node]!.DisposeAsync();
        _nodes[node] = null;
    }

    public Task PauseAsync(int node) => _nodes[node]!.PauseAsync();

    public Task ResumeAsync(int node) => _nodes[node]!.ResumeAsync();

    /// <summary>A client that sees so many nodes; it hedges after that time, not sooner.</summary>
    public async Task<IKvClient> ConnectAsync(TimeSpan leastHedge, int live = Nodes)
    {
        var client = KvClients.Connect(new KvClientOptions
        {
            Strategy = "ecc",
            Nodes = Addresses,
            DataElements = DataElements,
            Seed = 100 + _clients++,
            LeastHedge = leastHedge,
        });
        await SeesAsync(client, live);
        return client;
    }

    /// <summary>Waits until the client takes exactly so many nodes for alive.</summary>
    public static Task SeesAsync(IKvClient client, int live) => UntilAsync(() =>
        Task.FromResult(client.Counters()["live_nodes"] == live ? null : $"the client does not see {live} nodes"));

    /// <summary>
    /// Waits until all nodes vote and see each other, lack no element, hold none narrow and nothing besides.
    /// </summary>
    public Task WholeAsync() => UntilAsync(async () =>
    {
        for (var node = 0; node < Nodes; node++)
        {
            var status = await NumbersAsync(node);
            if ((status["ready"], status["live_nodes"], status["caught_up"]) != (1, Nodes, 1)
                || status["missing_elements"] + status["narrow_keys"] + status["held_prewrites"] != 0)
            {
                return $"n{node}: " + string.Join(' ', status.Select(pair => $"{pair.Key}={pair.Value}"));
            }
        }

        return null;
    });

    /// <summary>What a node says of itself in numbers.</summary>
    public async Task<IReadOnlyDictionary<string, long>> NumbersAsync(int node)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Yield())
        {
            if (await _probes[node].StatusAsync(Cancel) is { } status)
            {
                return status.Where(pair => long.TryParse(pair.Value, CultureInfo.InvariantCulture, out _))
                    .ToDictionary(pair => pair.Key, pair => long.Parse(pair.Value, CultureInfo.InvariantCulture));
            }

            Assert.True(clock.Elapsed < Patience, $"n{node} does not answer: {_nodes[node]?.Errors}");
        }
    }

    /// <summary>A number added up over the nodes that run.</summary>
    public async Task<long> SumAsync(string name)
    {
        var sum = 0L;
        for (var node = 0; node < Nodes; node++)
        {
            sum += _nodes[node] is null ? 0 : (await NumbersAsync(node))[name];
        }

        return sum;
    }

    /// <summary>Waits until a sum over the nodes is what it must be.</summary>
    public Task SumIsAsync(string name, long expected) => UntilAsync(async () =>
        await SumAsync(name) is var sum && sum == expected ? null : $"{name} is {sum}, not {expected}");

    /// <summary>Asks again and again until nothing is missing any more.</summary>
    public static async Task UntilAsync(Func<Task<string?>> whatIsMissing)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var clock = Stopwatch.StartNew();
        while (await whatIsMissing() is { } missing)
        {
            Assert.True(clock.Elapsed < Patience, missing);
            await pause.WaitForNextTickAsync(Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var probe in _probes)
        {
            probe.Dispose();
        }

        foreach (var node in _nodes)
        {
            if (node is not null)
            {
                await node.DisposeAsync();
            }
        }

        _folder.Dispose();
    }
}
