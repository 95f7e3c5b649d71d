using System.CommandLine;
using Testbed.Client;
using Testbed.Harness.Cli.Verbs;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Cli;

/// <summary>
/// The options that say which cluster a verb talks to: the one that is up, or any by address.
/// </summary>
internal sealed class ClusterTarget
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    private readonly Option<string?> _state = ClusterVerbs.StateOption();
    private readonly Option<string?> _nodes = Values.Text(
        "--nodes", "host:port,...", "Addresses of all nodes in order, instead of a state file.");

    private readonly Option<string?> _strategy = Values.Text("--strategy", "raft|ecc", "Needed with --nodes.");
    private readonly Option<int?> _elements = Values.Number(
        "--data-elements", "Data elements k of an ecc cluster given by --nodes. [default: 3]", 1, 32);

    private readonly Option<long?> _timeout = Values.Duration("--timeout", "When to give up. [default: 5s]");

    /// <summary>Adds the options.</summary>
    public Verb AddTo(Verb verb) => verb.With("Cluster", _state, _nodes, _strategy, _elements, _timeout);

    /// <summary>Connects, acts, disconnects.</summary>
    public async Task<int> UseAsync(
        ParseResult parse, CliContext context, CancellationToken cancel, Func<IKvClient, TimeSpan, Task<int>> act)
    {
        var options = Read(parse, context);
        var timeout = parse.GetValue(_timeout) is { } nanos ? TimeSpan.FromTicks(Math.Max(1, nanos / 100)) : DefaultTimeout;
        await using var client = KvClients.Connect(options);
        return await act(client, timeout).WaitAsync(cancel).ConfigureAwait(false);
    }

    private KvClientOptions Read(ParseResult parse, CliContext context)
    {
        var nodes = parse.GetValue(_nodes);
        var strategy = parse.GetValue(_strategy);
        if (nodes is null)
        {
            if (strategy is not null || parse.GetValue(_elements) is not null)
            {
                throw new UsageException("--strategy and --data-elements need --nodes; the state file says them otherwise");
            }

            using var cluster = ClusterVerbs.Require(ClusterVerbs.StatePath(parse.GetValue(_state), context));
            return Options(cluster.State);
        }

        if (strategy is not ("raft" or "ecc"))
        {
            throw new UsageException("--nodes needs --strategy raft or --strategy ecc");
        }

        return new KvClientOptions
        {
            Strategy = strategy,
            Nodes = Addresses(nodes),
            DataElements = parse.GetValue(_elements) ?? 3,
            Seed = Seed(),
        };
    }

    /// <summary>The addresses of a list; throws <see cref="UsageException"/> with one line.</summary>
    public static IReadOnlyList<string> Addresses(string list)
    {
        var addresses = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var address in addresses)
        {
            if (!Values.IsAddress(address))
            {
                throw new UsageException($"--nodes: '{address}' is not host:port");
            }
        }

        return addresses;
    }

    private static KvClientOptions Options(ClusterState state) => new()
    {
        Founders = state.Founders,
        Strategy = state.Strategy,
        Nodes = [.. state.Members.Select(m => m.Address)],
        DataElements = state.DataElements,
        FixedWidth = state.Width == "fixed",
        Seed = Seed(),
    };

    // Two clients with one identity would break what versions promise: always a fresh one.
    private static ulong Seed() => (ulong)Random.Shared.NextInt64();
}
