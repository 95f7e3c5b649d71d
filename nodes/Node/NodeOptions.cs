using System.Globalization;
using System.Net;
using Testbed.Ecc;
using Testbed.Log;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>
/// A command line that cannot be used; the message is one line for the person who typed it.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the node program was asked to be; checked once, here.</summary>
internal sealed record NodeOptions
{
    /// <summary>Printed for <c>--help</c>.</summary>
    public const string Help = """
        testbed-node: one node of a Testbed cluster

          testbed-node --id 0 --strategy raft --nodes 127.0.0.1:7001,127.0.0.1:7002 --data /tmp/n0

          --id N                this node's place in --nodes, from 0
          --strategy NAME       raft or ecc
          --nodes A,B,...       host:port of every node, in the same order on every node
          --founders N          the first N of --nodes found the cluster, the others join it (default all)
          --join                with nothing in --data, join as a new member instead of founding
          --data-elements K     data elements k of ecc (default 3); ignored by raft
          --width HOW           how unary puts code a value: adaptive, as wide as the nodes that answer allow
                                (default); fixed, at k or not at all; ecc only
          --hedge-after MILLIS  least time before a unary call asks further nodes or codes narrower (default: as
                                response times say); ecc only
          --durability LEVEL    os: survives a killed process (default); fsync: survives the machine;
                                memory: nothing is kept, a restarted node is empty
          --data DIR            folder of this node's log; at level memory only of a sign that it had a part in a
                                cluster, so that nodes which all die at once do not found another one
          --rejoin-on-corruption
                                put a damaged log aside and start empty; without, the node refuses to start

          --reads HOW           index: a leader asks its followers before it answers (default); lease: it may answer
                                at once for a while after they were heard; raft only, the same on every node
          --rebuild-rate BYTES  most bytes per second that this node reads from others to rebuild what it lost
                                (default 134217728); ecc only
          --orphan-age SECONDS  age from which a write that was begun and never ended counts as left behind by its client
                                and is dropped once all nodes agree (default 60); more than any write takes; ecc only
          --seed N              seed of everything the node draws (default 1)
          --listen HOST         IP address to listen on, * for all (default 127.0.0.1)
          --metrics HOST:PORT   Prometheus text under http://HOST:PORT/metrics (default off)
          --exit-with-parent    end when standard input ends
          --test-lie            answer wrongly now and then; for tests of the checker only
          --test-rot            let a stored element decay now and then; for tests of the repair only
          --test-plant NAME     run with a planted bug; for tests of the checker only
          --help                print this

        testbed-node --health HOST:PORT   exit code 0 when the node there serves, 1 when not

        """;

    private const long DefaultRebuildBytesPerSecond = 128L * 1024 * 1024;
    private const long DefaultOrphanAgeSeconds = 60;
    private const long LongestOrphanAgeSeconds = 365 * 24 * 3600;
    private const int PrefillBytes = 1024 * 1024;
    private const int SpareSegments = 4;
    private const ulong LongestHedgeMillis = 600_000;

    /// <summary>This node.</summary>
    public required NodeId Id { get; init; }

    /// <summary><c>raft</c> or <c>ecc</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary>host:port of every node, in node order.</summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>The first so many of <see cref="Nodes"/> found the cluster; the others are added to it.</summary>
    public required int Founders { get; init; }

    /// <summary>Data elements k; 0 for Raft.</summary>
    public required int DataElements { get; init; }

    /// <summary><c>adaptive</c> or <c>fixed</c>: how unary puts code a value; ECC only.</summary>
    public string Width { get; init; } = "adaptive";

    /// <summary>Least time before a unary call hedges, 0: as response times say; ECC only.</summary>
    public long LeastHedgeMicros { get; init; }

    /// <summary><c>memory</c>, <c>os</c> or <c>fsync</c>.</summary>
    public required string Durability { get; init; }

    /// <summary>True at level <c>memory</c>.</summary>
    public bool IsVolatile => Durability == "memory";

    /// <summary><c>index</c> or <c>lease</c>: how Raft's leaders answer reads.</summary>
    public string Reads { get; init; } = "index";

    /// <summary>Most bytes per second read from others to rebuild what an earlier process held; ECC only.</summary>
    public long RebuildBytesPerSecond { get; init; } = DefaultRebuildBytesPerSecond;

    /// <summary>Age from which a pre-write counts as left behind by its writer; ECC only.</summary>
    public long OrphanAgeMicros { get; init; } = DefaultOrphanAgeSeconds * 1_000_000;

    /// <summary>Folder of the log; empty where none was given at level <c>memory</c>.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Seed of everything the node draws.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Where the gRPC server listens.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>Where the metrics server listens; null: nowhere.</summary>
    public required IPEndPoint? Metrics { get; init; }

    /// <summary>
    /// Kernel of the codec by its name; null or empty: the fastest. From the environment, <c>TESTBED_SIMD</c>.
    /// </summary>
    public string? CodecKernel { get; init; } = Environment.GetEnvironmentVariable("TESTBED_SIMD");

    /// <summary>True: the node ends with its standard input.</summary>
    public bool ExitWithParent { get; init; }

    /// <summary>
    /// True: a damaged log is put aside and the node starts with an empty one; false: it refuses to start.
    /// </summary>
    public bool RejoinOnCorruption { get; init; }

    /// <summary>True: a node that knows nothing joins as a new member instead of founding a cluster.</summary>
    public bool Joins { get; init; }

    /// <summary>
    /// A damaged log of this node was put aside: what it once promised is not known any more.
    /// </summary>
    public bool Amnesia { get; init; }

    /// <summary>Test only.</summary>
    public bool TestLie { get; init; }

    /// <summary>Test only.</summary>
    public bool TestRot { get; init; }

    /// <summary>Test only: name of a planted bug of the strategy; null: none.</summary>
    public string? TestPlant { get; init; }

    /// <summary>
    /// How the log uses its disk at this level. Only where each group is synced does it pay to have the blocks
    /// of a file written before.
    /// </summary>
    public LogOptions Log => new()
    {
        WriteIsDurable = Durability == "os",
        PrefillBytes = Durability == "fsync" ? PrefillBytes : 0,
        SpareSegments = Durability == "fsync" ? SpareSegments : 0,
        TestAcceptTornTail = TestPlant == "TornTailAccepted",
    };

    /// <summary>Reads a command line; throws <see cref="UsageException"/>.</summary>
    public static NodeOptions Parse(IReadOnlyList<string> args)
    {
        var given = Split(args);
        var strategy = OneOf(given, "--strategy", null, "raft", "ecc");
        var nodes = Required(given, "--nodes").Split(',', StringSplitOptions.TrimEntries);
        if (nodes.Length > Limits.Nodes)
        {
            throw new UsageException($"--nodes: at most {Limits.Nodes} nodes");
        }

        var ports = nodes.Select(Port).ToArray();
        if (nodes.Distinct(StringComparer.Ordinal).Count() != nodes.Length)
        {
            throw new UsageException("--nodes: an address is given twice");
        }

        var id = (int)Number(given, "--id", null, 0, (ulong)nodes.Length - 1);
        var founders = (int)Number(given, "--founders", (ulong)nodes.Length, 1, (ulong)nodes.Length);
        if (strategy == "ecc" && founders != nodes.Length)
        {
            throw new UsageException("--founders: the nodes of an ecc cluster are fixed");
        }

        var dataElements = Number(given, "--data-elements", 3, 1, Limits.Nodes);
        if (strategy == "ecc" && dataElements > (ulong)Math.Max(1, nodes.Length - 1))
        {
            throw new UsageException($"--data-elements {dataElements}: {nodes.Length} nodes allow at most "
                + $"{Math.Max(1, nodes.Length - 1)}");
        }

        var durability = OneOf(given, "--durability", "os", "memory", "os", "fsync");
        return new NodeOptions
        {
            Id = new NodeId((byte)id),
            Strategy = strategy,
            Nodes = nodes,
            Founders = founders,
            Joins = given.ContainsKey("--join"),
            DataElements = strategy == "ecc" ? (int)dataElements : 0,
            Width = WidthOf(given, strategy),
            LeastHedgeMicros = 1_000 * (long)Number(given, "--hedge-after", 0, 0, LongestHedgeMillis),
            Durability = durability,
            DataFolder = durability == "memory" ? given.GetValueOrDefault("--data", "") : Required(given, "--data"),

            Reads = ReadsOf(given, strategy),
            RebuildBytesPerSecond = RebuildRateOf(given, strategy),
            OrphanAgeMicros = OrphanAgeOf(given, strategy),
            Seed = Number(given, "--seed", 1, 0, ulong.MaxValue),
            Listen = new IPEndPoint(Address("--listen", given.GetValueOrDefault("--listen", "127.0.0.1")),
                ports[id]),
            Metrics = MetricsOf(given.GetValueOrDefault("--metrics", "off")),
            ExitWithParent = given.ContainsKey("--exit-with-parent"),
            RejoinOnCorruption = given.ContainsKey("--rejoin-on-corruption"),
            TestLie = given.ContainsKey("--test-lie"),
            TestRot = given.ContainsKey("--test-rot"),
            TestPlant = PlantOf(given, strategy),
        };
    }

    private static Dictionary<string, string> Split(IReadOnlyList<string> args)
    {
        string[] flags =
            ["--exit-with-parent", "--rejoin-on-corruption", "--join", "--test-lie", "--test-rot"];
        string[] valued =
        [
            "--id", "--strategy", "--nodes", "--founders", "--data-elements", "--durability", "--data", "--seed",
            "--reads", "--rebuild-rate", "--orphan-age", "--listen", "--metrics", "--test-plant",
            "--width", "--hedge-after",
        ];
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? args[i] : args[i][..equals];
            string value;
            if (flags.Contains(name) && equals < 0)
            {
                value = "";
            }
            else if (!valued.Contains(name))
            {
                throw new UsageException($"unknown option '{args[i]}': see --help");
            }
            else if (equals >= 0)
            {
                value = args[i][(equals + 1)..];
            }
            else if (++i < args.Count)
            {
                value = args[i];
            }
            else
            {
                throw new UsageException($"{name} needs a value");
            }

            if (!given.TryAdd(name, value))
            {
                throw new UsageException($"{name} is given twice");
            }
        }

        return given;
    }

    private static string Required(Dictionary<string, string> given, string name) =>
        given.TryGetValue(name, out var value) && value.Length > 0
            ? value
            : throw new UsageException($"{name} is missing: see --help");

    private static string OneOf(Dictionary<string, string> given, string name, string? usual,
        params string[] words)
    {
        var value = usual is null ? Required(given, name) : given.GetValueOrDefault(name, usual);
        return words.Contains(value)
            ? value
            : throw new UsageException($"{name} {value}: must be {string.Join(" or ", words)}");
    }

    private static string? PlantOf(Dictionary<string, string> given, string strategy) =>
        given.ContainsKey("--test-plant")
            ? OneOf(given, "--test-plant", null, [.. strategy == "raft" ? RaftPlants.Names : EccPlants.Names])
            : null;

    private static string WidthOf(Dictionary<string, string> given, string strategy) =>
        OneOf(given, "--width", "adaptive", "adaptive", "fixed") is var width
        && (width == "adaptive" || strategy == "ecc")
            ? width
            : throw new UsageException("--width fixed: raft keeps full copies");

    private static string ReadsOf(Dictionary<string, string> given, string strategy) =>
        OneOf(given, "--reads", "index", "index", "lease") is var reads && (reads == "index" || strategy == "raft")
            ? reads
            : throw new UsageException("--reads lease: ecc has no leader that could hold a lease");

    private static long OrphanAgeOf(Dictionary<string, string> given, string strategy) =>
        strategy == "ecc" || !given.ContainsKey("--orphan-age")
            ? 1_000_000 * (long)Number(given, "--orphan-age", (ulong)DefaultOrphanAgeSeconds, 1, LongestOrphanAgeSeconds)
            : throw new UsageException("--orphan-age is for ecc: raft's clients leave nothing behind");

    private static long RebuildRateOf(Dictionary<string, string> given, string strategy) =>
        strategy == "ecc" || !given.ContainsKey("--rebuild-rate")
            ? (long)Number(given, "--rebuild-rate", (ulong)DefaultRebuildBytesPerSecond, 1, long.MaxValue)
            : throw new UsageException("--rebuild-rate is for ecc: raft sends snapshots");

    private static ulong Number(
        Dictionary<string, string> given, string name, ulong? usual, ulong smallest, ulong largest)
    {
        var text = usual is null ? Required(given, name) : given.GetValueOrDefault(name);
        if (text is null)
        {
            return usual!.Value;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value >= smallest && value <= largest
            ? value
            : throw new UsageException($"{name} {text}: must be a number from {smallest} to {largest}");
    }

    /// <summary>True for host:port.</summary>
    public static bool IsAddress(string text) => PortOf(text) is not null;

    private static int Port(string address) =>
        PortOf(address) ?? throw new UsageException($"--nodes: '{address}' is not host:port");

    private static int? PortOf(string address)
    {
        var colon = address.LastIndexOf(':');
        return colon > 0 && int.TryParse(address[(colon + 1)..], NumberStyles.None,
            CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            && Uri.CheckHostName(address[..colon].Trim('[', ']')) != UriHostNameType.Unknown
            ? port
            : null;
    }

    private static IPAddress Address(string option, string host) => host switch
    {
        "localhost" => IPAddress.Loopback,
        "*" => IPAddress.Any,
        _ => IPAddress.TryParse(host, out var address)
            ? address
            : throw new UsageException($"{option} {host}: must be an IP address"),
    };

    private static IPEndPoint? MetricsOf(string text)
    {
        if (text == "off")
        {
            return null;
        }

        var colon = text.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(text[(colon + 1)..], NumberStyles.None,
            CultureInfo.InvariantCulture, out var port)
            ? new IPEndPoint(Address("--metrics", text[..colon].Trim('[', ']')), port)
            : throw new UsageException($"--metrics {text}: must be HOST:PORT or off");
    }
}
