using System.CommandLine;
using Testbed.Faults;
using Testbed.Harness.Runs;
using Testbed.Simulator;
using Testbed.Workloads;

namespace Testbed.Harness.Cli;

/// <summary>
/// The options of one run, shared by <c>run</c>, <c>compare</c> and <c>cluster up</c>, and how they become
/// <see cref="RunOptions"/>.
/// </summary>
internal sealed class RunOptionSet
{
    private const int MaxNodes = 32;
    private const int MaxValueBytes = 16 * 1024 * 1024;

    private readonly Option<string> _strategy = Values.Word(
        "--strategy", "ecc", "Raft replication, or erasure coding.", "raft", "ecc");

    private readonly Option<NodeChoice?> _nodes = Values.Nodes(
        "--nodes", "Number of nodes [default: 5, or n of --code]; with --cluster attach the addresses of all nodes.", MaxNodes);

    private readonly Option<(int, int)?> _code = Values.Code(
        "--code", "Code of the ecc strategy: n nodes, k data elements. [default: 5,3]");

    private readonly Option<string?> _durability = Values.Text(
        "--durability", "memory|os|fsync",
        "When a write counts: in the node's memory, in the operating system's hands, or on the disk. [default: memory]");

    private readonly Option<string> _reads = Values.Word(
        "--reads", "index", "How raft's leaders answer reads: index asks the followers first, lease does not for a while after "
        + "they were heard, and rests on clocks that differ by at most 10 % in rate.", "index", "lease");

    private readonly Option<string> _width = Values.Word(
        "--width", "adaptive", "How ecc's puts code a value: adaptive, as wide as the nodes that answer allow; fixed, at k, which "
        + "needs f + k nodes to answer (a baseline).", "adaptive", "fixed");

    private readonly Option<long?> _rebuildRate = Values.Size(
        "--rebuild-rate", "Most bytes per second that an ecc node reads from others to rebuild what it lost. [default: 128MiB]",
        1, 1L << 40);

    private readonly Option<int?> _basePort = Values.Number(
        "--base-port", "First port of the nodes, the rest follow. [default: free ports]", 1024, 65_000);

    private readonly Option<string> _cluster = Values.Word(
        "--cluster", "process", "What the nodes run in: child processes, or containers; attach: a cluster that runs already.",
        "process", "docker", "attach");

    private readonly Option<double?> _nodeCpus = Values.Real(
        "--node-cpus", "N", "CPUs each container may use, such as 0.5. [default: no limit]");

    private readonly Option<long?> _nodeMemory = Values.Size(
        "--node-memory", "Memory each container may use, without swap. [default: no limit]", 32 << 20, 1L << 40);

    private readonly Option<long?> _nodeDisk = Values.Size(
        "--node-disk", "Size of each container's data volume, kept in memory. [default: no limit; 128MiB when a disk is to be filled]", 16 << 20, 1L << 40);

    private readonly Option<string> _nodeAccess = Values.Word(
        "--node-access", "auto", "How containers are reached: by their address, or by ports published on this machine.",
        "auto", "direct", "published");

    private readonly Option<string?> _nodeImage = Values.Text(
        "--node-image", "IMAGE", "Image of the nodes. [default: built from the node program]");

    private readonly Option<string?> _nodeProgram = Values.Text(
        "--node-program", "PATH", "Node program to run, such as an ahead-of-time build. [default: the one beside the harness]");

    private readonly Option<string> _workload = new("--workload")
    {
        Description = "YCSB workload a to f, or a property file.",
        HelpName = "a..f|FILE",
        DefaultValueFactory = _ => "b",
    };

    private readonly Option<string[]> _properties = Values.Pairs(
        "--property", "-p", "Sets one property of the workload; may come many times.");

    private readonly Option<long?> _records = Values.Count("--records", "Records loaded. [default: 10000]", 1, 1_000_000_000);
    private readonly Option<long?> _valueSize = Values.Size(
        "--value-size", "Size of a record's value. [default: 1KiB]", 1, MaxValueBytes);

    private readonly Option<IReadOnlyList<long>?> _valueSizes = Values.Sizes(
        "--value-size", "Size of a record's value [default: 1KiB]. Several make a sweep: a pair of runs for each, drawn "
        + "beside what the design predicts; with " + Sweep.Defaults + " unless something else is said.", 1, MaxValueBytes, Sweep.MostSizes);

    private readonly Option<double?> _rate = Values.Rate(
        "--rate", "Operations offered per second; max: as fast as the clients can (closed loop)."
        + " [default: 2000; 200 for workloads with scans]");

    private readonly Option<string> _arrival = Values.Word(
        "--arrival", "poisson", "How offered operations are spread.", "poisson", "constant");

    private readonly Option<int?> _clients = Values.Number("--clients", "Logical clients. [default: 64]", 1, 65_536);
    private readonly Option<long?> _duration = Values.Duration("--duration", "Measured time. [default: 30s]");
    private readonly Option<long?> _warmup = Values.Duration(
        "--warmup", "Time before it that is not measured. [default: 5s]", zeroAllowed: true);

    private readonly Option<long?> _timeout = Values.Duration("--timeout", "When an operation is given up. [default: 1s]");
    private readonly Option<ulong?> _seed = Values.Seed("Seed of everything drawn. [default: drawn, and printed]");

    private readonly Option<int?> _kill = Values.Number(
        "--kill", "Kills N nodes, one second apart, and restarts them.", 0, MaxNodes);

    private readonly Option<string> _killRole = Values.Word(
        "--kill-role", "any", "Who is killed; any is drawn by the seed.", "any", "leader", "follower");

    private readonly Option<long?> _killAt = Values.Duration(
        "--kill-at", "First kill, from the start of the measured time. [default: one third of it]", zeroAllowed: true);

    private readonly Option<long?> _restartAt = Values.Duration("--restart-at", "First restart. [default: two thirds]");
    private readonly Option<bool> _noRestart = Values.Flag(
        "--no-restart", "Leaves killed nodes down until the measured time ends.");

    private readonly Option<int?> _pause = Values.Number(
        "--pause", "Pauses N nodes (SIGSTOP), one second apart, and resumes them.", 0, MaxNodes);

    private readonly Option<long?> _pauseAt = Values.Duration(
        "--pause-at", "First pause. [default: one third]", zeroAllowed: true);

    private readonly Option<long?> _resumeAt = Values.Duration("--resume-at", "First resume. [default: two thirds]");
    private readonly Option<string[]> _faults = Values.Many(
        "--fault", "KIND:TARGET@AT [for TIME]", "One fault, such as \"pause:leader@10s for 5s\"; KIND is kill, stop, restart, pause, "
        + "throttle, oom, disk-full, partition, partition-in, partition-out, isolate, transfer, remove or replace, "
        + "TARGET a node number, any, leader or follower; may come many times.");

    private readonly Option<bool> _allowOutage = Values.Flag(
        "--allow-outage", "Permits more nodes away at once than the cluster tolerates.");

    private readonly Option<string?> _results = Values.Text(
        "--results", "DIR", "Folder that holds the runs. [default: results/runs of the repository, or here]");

    private readonly Option<string?> _label = Values.Text("--label", "TEXT", "Kept with the run, to find it again.");
    private readonly Option<bool> _noReport = Values.Flag("--no-report", "Leaves out the page and the pictures.");
    private readonly Option<long?> _maxLag = Values.Duration(
        "--max-lag", "Schedule lag p99 above which the generator was the limit and the run is void. [default: 50ms]");
    private readonly Option<bool> _failFast = Values.Flag(
        "--fail-fast", "Stops at the first violation of linearizability, heals, and keeps what there is.");

    private readonly Option<bool> _quiet = Values.Flag("--quiet", "Prints nothing but the summary.");
    private readonly Option<long?> _maxReadP99 = Values.Duration(
        "--max-read-p99", "Exit code 1 when the p99 latency of reads is higher.");

    private readonly Option<long?> _maxWriteP99 = Values.Duration(
        "--max-write-p99", "Exit code 1 when the p99 latency of writes is higher.");

    private readonly Option<double?> _minGoodput = Values.Real(
        "--min-goodput", "N", "Exit code 1 when fewer operations per second were ok.");

    private readonly Option<string?> _lying = new("--test-lying-node") { Hidden = true, HelpName = "N|all" };
    private readonly Option<string?> _plant = new("--plant") { Hidden = true, HelpName = "NAME" };

    /// <summary>Adds all options to a verb.</summary>
    public void AddTo(Verb verb, bool withStrategy)
    {
        AddCluster(verb, withStrategy);
        verb.With("Containers", _cluster, _nodeCpus, _nodeMemory, _nodeDisk, _nodeAccess, _nodeImage);
        verb.With("Workload", _workload, _properties, _records, withStrategy ? _valueSize : _valueSizes);
        verb.With("Load", _rate, _arrival, _clients, _duration, _warmup, _timeout, _maxLag, _seed);
        verb.With("Faults", _kill, _killRole, _killAt, _restartAt, _noRestart, _pause, _pauseAt, _resumeAt, _faults, _allowOutage);
        verb.With("Results", _results, _label, _failFast, _noReport, _quiet, _maxReadP99, _maxWriteP99, _minGoodput);
        verb.Add(_lying);
        verb.Add(_plant);
    }

    /// <summary>Adds only the options of the cluster.</summary>
    public void AddCluster(Verb verb, bool withStrategy) => verb.With("Cluster", withStrategy
        ? [_strategy, _nodes, _code, _width, _durability, _reads, _rebuildRate, _basePort, _nodeProgram]
        : [_nodes, _code, _width, _durability, _reads, _rebuildRate, _basePort, _nodeProgram]);

    /// <summary>Adds the seed alone.</summary>
    public void AddSeed(Verb verb) => verb.With("Load", _seed);

    /// <summary>
    /// The cluster's part of the options, checked. Throws <see cref="UsageException"/> with one line.
    /// </summary>
    public RunOptions ReadCluster(ParseResult parse, CliContext context, string? strategy = null)
    {
        var code = parse.GetValue(_code);
        var chosen = strategy ?? parse.GetValue(_strategy) ?? "ecc";
        var named = parse.GetValue(_nodes);
        var attach = parse.GetResult(_cluster) is not null && parse.GetValue(_cluster) == "attach";
        Refuse(!attach && named?.Addresses.Count > 0,
            "--nodes takes addresses only with --cluster attach; without, it takes the number of nodes to start");
        Refuse(attach && named is not { Addresses.Count: > 0 },
            "--cluster attach needs the addresses of all nodes: --nodes host:port,host:port,...");
        var nodes = named?.Count ?? code?.Item1 ?? 5;
        var elements = code?.Item2 ?? (nodes == 5 ? 3 : Math.Max(1, nodes - ((nodes - 1) / 2)));
        Refuse(code is not null && code.Value.Item1 != nodes, FormattableString.Invariant(
            $"--nodes {nodes} and --code {code?.Item1},{code?.Item2} contradict each other"));
        Refuse(code is not null && chosen == "raft" && parse.GetResult(_strategy) is not null,
            "--code is for --strategy ecc; raft keeps a full copy on each of --nodes");
        var width = parse.GetValue(_width) ?? "adaptive";
        Refuse(!attach && strategy is null && chosen == "raft" && width == "fixed",
            "--width is for --strategy ecc; raft keeps a full copy on each of --nodes");
        var durability = parse.GetValue(_durability) ?? "memory";
        Refuse(durability is not ("memory" or "os" or "fsync"),
            $"--durability: '{durability}' is not memory, os or fsync");

        var reads = parse.GetValue(_reads) ?? "index";
        Refuse(!attach && strategy is null && chosen == "ecc" && reads == "lease",
            "--reads lease is for --strategy raft: ecc has no leader that could hold a lease");
        var rebuildRate = parse.GetValue(_rebuildRate);
        Refuse(rebuildRate is not null && attach,
            "--rebuild-rate is for nodes to be started; leave it out with --cluster attach");
        Refuse(rebuildRate is not null && strategy is null && chosen == "raft",
            "--rebuild-rate is for --strategy ecc; raft sends snapshots");
        var seed = parse.GetValue(_seed);
        return new RunOptions
        {
            Argv = context.Argv,
            Strategy = chosen,
            Nodes = nodes,
            DataElements = elements,
            Width = width,
            AttachTo = named?.Addresses ?? [],
            Typed = new TypedCluster
            {
                Strategy = Given(parse, _strategy) ? chosen : null,
                DataElements = code?.Item2,
                Width = Given(parse, _width) ? width : null,
                Durability = Given(parse, _durability) ? durability : null,
                Reads = Given(parse, _reads) ? reads : null,
            },
            Durability = durability,
            Reads = reads,
            RebuildBytesPerSecond = rebuildRate,
            BasePort = parse.GetValue(_basePort) ?? 0,
            NodeProgram = parse.GetValue(_nodeProgram) is { } program ? Path.GetFullPath(program, context.Folder) : null,
            Seed = seed ?? context.DrawSeed(),
            SeedGiven = seed is not null,
        };
    }

    /// <summary>
    /// All options of each size of values asked for, at least one, checked; throws like the other readers.
    /// </summary>
    public IReadOnlyList<RunOptions> ReadCells(ParseResult parse, CliContext context, string strategy)
    {
        var sizes = parse.GetValue(_valueSizes) ?? [];
        if (sizes.Count < 2)
        {
            return [Read(parse, context, strategy, sizes.Count == 0 ? null : (int)sizes[0], isSweep: false)];
        }

        List<RunOptions> cells = [.. sizes.Select(bytes => Read(parse, context, strategy, (int)bytes, isSweep: true))];
        return [.. cells.Select(cell => cell with { Seed = cells[0].Seed })];
    }

    /// <summary>
    /// All options, checked. Throws <see cref="UsageException"/> or <see cref="FaultPlanException"/> with one
    /// line.
    /// </summary>
    public RunOptions Read(ParseResult parse, CliContext context, string? strategy = null) =>
        Read(parse, context, strategy, (int?)parse.GetValue(_valueSize), isSweep: false);

    private RunOptions Read(
        ParseResult parse, CliContext context, string? strategy, int? valueBytes, bool isSweep)
    {
        var defaults = isSweep ? Sweep.DefaultsOf(valueBytes!.Value) : new RunOptions();
        var rate = parse.GetValue(_rate) ?? defaults.RatePerSecond;
        var options = ReadCluster(parse, context, strategy) with
        {
            Cluster = parse.GetValue(_cluster) ?? defaults.Cluster,
            NodeCpus = parse.GetValue(_nodeCpus),
            NodeMemoryBytes = parse.GetValue(_nodeMemory),
            NodeDiskBytes = parse.GetValue(_nodeDisk),
            NodeAccess = parse.GetValue(_nodeAccess) ?? defaults.NodeAccess,
            NodeImage = parse.GetValue(_nodeImage),
            Workload = Given(parse, _workload) ? parse.GetValue(_workload)! : defaults.Workload,
            Properties = Pairs(parse.GetValue(_properties)),
            Records = parse.GetValue(_records),
            ValueBytes = valueBytes,
            RatePerSecond = rate is { } r && double.IsInfinity(r) ? null : rate,
            Arrival = parse.GetValue(_arrival) ?? "poisson",
            Clients = parse.GetValue(_clients) ?? defaults.Clients,
            DurationNanos = parse.GetValue(_duration) ?? defaults.DurationNanos,
            WarmupNanos = parse.GetValue(_warmup) ?? defaults.WarmupNanos,
            TimeoutNanos = parse.GetValue(_timeout) ?? defaults.TimeoutNanos,
            Faults = ReadFaults(parse),
            AllowOutage = parse.GetValue(_allowOutage),
            ResultsRoot = ResultsRoot.Resolve(parse.GetValue(_results), context.Folder),
            Label = parse.GetValue(_label),
            Report = !parse.GetValue(_noReport),
            MaxLagNanos = parse.GetValue(_maxLag) ?? defaults.MaxLagNanos,
            FailFast = parse.GetValue(_failFast),
            Plant = parse.GetValue(_plant),
            Quiet = parse.GetValue(_quiet),
            Thresholds = new Thresholds
            {
                MaxReadP99Nanos = parse.GetValue(_maxReadP99),
                MaxWriteP99Nanos = parse.GetValue(_maxWriteP99),
                MinGoodput = parse.GetValue(_minGoodput),
            },
        };
        var attach = options.Cluster == "attach";
        Refuse(attach && strategy is not null, "compare starts fresh clusters; --cluster attach is for run");
        Refuse(attach && (Given(parse, _basePort) || Given(parse, _nodeProgram) || Given(parse, _lying)
                || Given(parse, _plant)),
            "--base-port and --node-program are for nodes to be started; leave them out with --cluster attach");
        CheckPlant(options);
        options = options with { LyingNodes = Lying(parse.GetValue(_lying), options.Nodes) };
        Refuse(options.Cluster != "docker" && (options.NodeCpus ?? options.NodeMemoryBytes ?? options.NodeDiskBytes) is not null,
            "--node-cpus, --node-memory and --node-disk limit containers; add --cluster docker");
        Refuse(options.Cluster != "docker" && (options.NodeImage is not null || options.NodeAccess != "auto"),
            "--node-image and --node-access are about containers; add --cluster docker");
        Refuse(options.NodeCpus is < 0.01 or > 1024, "--node-cpus must be between 0.01 and 1024");
        Refuse(rate is { } max && double.IsInfinity(max) && parse.GetResult(_arrival) is { Implicit: false },
            "--arrival needs a rate; with --rate max there is no schedule");
        var (workload, _) = WorkloadChoice.Resolve(options, context.Folder);
        if (isSweep && options.Records is null && IsDefaultSized(options))
        {
            options = options with { Records = defaults.Records };
        }

        if (parse.GetValue(_rate) is null && workload.ScanProportion > 0)
        {
            options = options with { RatePerSecond = RunOptions.DefaultScanRate };
        }

        var plan = options.CompilePlan();
        return options.NodeDiskBytes is null && plan.Faults.Any(f => f.Kind == FaultKind.DiskFull)
            ? options with { NodeDiskBytes = RunOptions.DefaultDiskToFillBytes }
            : options;
    }

    /// <summary>Nothing but our defaults says how many records there are.</summary>
    private static bool IsDefaultSized(RunOptions options) =>
        WorkloadFile.Shipped(options.Workload) is not null && !options.Properties.ContainsKey("recordcount");

    /// <summary>True when no option of a run was typed.</summary>
    public bool NoneGiven(ParseResult parse) => ((Option[])
    [
        _nodes, _code, _width, _durability, _reads, _rebuildRate, _basePort, _nodeProgram, _cluster, _nodeCpus, _nodeMemory,
        _nodeDisk, _nodeAccess, _nodeImage, _workload, _properties, _records, _valueSize, _valueSizes, _rate, _arrival,
        _clients, _duration,
        _warmup, _timeout, _maxLag, _seed, _kill, _killRole, _killAt, _restartAt, _noRestart, _pause, _pauseAt, _resumeAt, _faults,
        _allowOutage,
    ]).All(o => parse.GetResult(o) is null or { Implicit: true });

    private FaultRequest ReadFaults(ParseResult parse) => new()
    {
        Kill = parse.GetValue(_kill) ?? 0,
        KillRole = parse.GetValue(_killRole) ?? "any",
        KillAtNanos = parse.GetValue(_killAt),
        RestartAtNanos = parse.GetValue(_restartAt),
        NoRestart = parse.GetValue(_noRestart),
        Pause = parse.GetValue(_pause) ?? 0,
        PauseAtNanos = parse.GetValue(_pauseAt),
        ResumeAtNanos = parse.GetValue(_resumeAt),
        Faults = parse.GetValue(_faults) ?? [],
    };

    private static Dictionary<string, string> Pairs(string[]? texts)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts ?? [])
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            pairs[text[..equals].Trim()] = text[(equals + 1)..].Trim();
        }

        return pairs;
    }

    private static void CheckPlant(RunOptions options)
    {
        var names = Simulation.PlantNames(options.Strategy == "raft" ? SimulatedStrategy.Raft : SimulatedStrategy.Ecc);
        Refuse(options.Plant is { } plant && !names.Contains(plant),
            $"--plant: '{options.Plant}' is not one of {string.Join(", ", names)}");
    }

    private static IReadOnlyList<int> Lying(string? text, int nodes)
    {
        if (text is null)
        {
            return [];
        }

        if (text == "all")
        {
            return [.. Enumerable.Range(0, nodes)];
        }

        return FaultText.TryTarget(text, out var target) && target.Kind == TargetKind.Node && target.Index < nodes
            ? [target.Index]
            : throw new UsageException($"--test-lying-node: '{text}' is not a node number or all");
    }

    private static bool Given(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };

    private static void Refuse(bool condition, string why)
    {
        if (condition)
        {
            throw new UsageException(why);
        }
    }
}
