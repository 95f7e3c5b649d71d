using System.CommandLine;
using System.Globalization;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>cluster up|status|down|image|prune</c>: a cluster that outlives the harness, and housekeeping.</summary>
internal static class ClusterVerbs
{
    /// <summary>The verb.</summary>
    public static Verb Create(CliContext context) => new Verb(
        "cluster",
        "Starts, shows and ends a cluster to play with; makes images and tidies up after containers.",
        "harness cluster up --strategy ecc", "harness cluster status", "harness cluster down")
        .With(
            Up(context), Status(context), Down(context), MemberVerbs.Add(context), MemberVerbs.Remove(context),
            MemberVerbs.Replace(context), MemberVerbs.Transfer(context), ResetVerb.Create(context),
            ContainerVerbs.Image(context), ContainerVerbs.Prune(context));

    /// <summary>The option that names the state file.</summary>
    public static Option<string?> StateOption() => Values.Text(
        "--state", "FILE", "State file of the cluster. [default: in the user's state folder]");

    /// <summary>The path a state option means.</summary>
    public static string StatePath(string? given, CliContext context) =>
        given is null ? ClusterState.DefaultPath() : Path.GetFullPath(given, context.Folder);

    /// <summary>The cluster that is up; throws <see cref="UsageException"/> when none is.</summary>
    public static DetachedCluster Require(string path) => DetachedCluster.Open(path)
        ?? throw new UsageException("no cluster is up; start one with: harness cluster up");

    private static Verb Up(CliContext context)
    {
        var set = new RunOptionSet();
        var state = StateOption();
        var verb = new Verb(
            "up",
            "Starts a cluster that stays until 'cluster down'; get, set, delete, scan and node act on it.",
            "harness cluster up --strategy raft --nodes 3", "harness cluster up --code 5,3 --base-port 9000");
        set.AddCluster(verb, withStrategy: true);
        set.AddSeed(verb);
        return verb.With(state).Does(async (parse, cancel) =>
        {
            var options = set.ReadCluster(parse, context);
            var path = StatePath(parse.GetValue(state), context);
            using (var existing = DetachedCluster.Open(path))
            {
                if (existing is not null && Enumerable.Range(0, existing.State.Members.Count).Any(existing.IsAlive))
                {
                    throw new UsageException($"a cluster is up already ({path}); end it with: harness cluster down");
                }
            }

            var folder = Path.Combine(
                Path.GetDirectoryName(path) ?? ".", "cluster-" + Guid.NewGuid().ToString("N")[..8]);
            var logs = Path.Combine(folder, "logs");
            DataFolders.Make(logs);
            using var cluster = await DetachedCluster.StartAsync(path, Options(options, folder, logs), cancel)
                .ConfigureAwait(false);
            context.Out.WriteLine($"{options.ClusterName} is up, durability {options.Durability}");
            await WriteTableAsync(context, cluster, cancel).ConfigureAwait(false);
            context.Out.WriteLine("try: harness set greeting hello; harness get greeting; harness node kill 2");
            return ExitCodes.Ok;
        });
    }

    private static ClusterOptions Options(Testbed.Harness.Runs.RunOptions options, string folder, string logs) => new()
    {
        Strategy = options.Strategy,
        Nodes = options.Nodes,
        DataElements = options.DataElements,
        Width = options.Width,
        Durability = options.Durability,
        Reads = options.Reads,
        RebuildBytesPerSecond = options.RebuildBytesPerSecond,
        NodeProgram = options.NodeProgram,
        BasePort = options.BasePort,
        Seed = options.Seed,
        Metrics = true,
        LogFolder = logs,
        DataFolder = Path.Combine(folder, "data"),
    };

    private static Verb Status(CliContext context)
    {
        var state = StateOption();
        return new Verb("status", "Shows the nodes of the cluster that is up.", "harness cluster status").With(state).Does(
            async (parse, cancel) =>
            {
                using var cluster = Require(StatePath(parse.GetValue(state), context));
                context.Out.WriteLine($"{cluster.State.Strategy}, durability {cluster.State.Durability}, "
                    + $"started {cluster.State.StartedUtc}, logs in {cluster.State.LogFolder}");
                await WriteTableAsync(context, cluster, cancel).ConfigureAwait(false);
                return ExitCodes.Ok;
            });
    }

    private static Verb Down(CliContext context)
    {
        var state = StateOption();
        return new Verb("down", "Ends the cluster and removes its data.", "harness cluster down").With(state).Does(
            async (parse, cancel) =>
            {
                using var cluster = Require(StatePath(parse.GetValue(state), context));
                var ended = await cluster.DownAsync(cancel).ConfigureAwait(false);
                context.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{ended} of {cluster.State.Members.Count} nodes ended, data removed"));
                return ExitCodes.Ok;
            });
    }

    /// <summary>The role, or for a node without a vote what part it has.</summary>
    private static string RoleOf(IReadOnlyDictionary<string, string>? status) =>
        NodeStatus.Text(status, "part") is "learner" or "joining" or "removed"
            ? NodeStatus.Text(status, "part")
            : NodeStatus.Text(status, "role");

    /// <summary>Entries the leader knows the node to lack.</summary>
    private static string LagOf(
        IReadOnlyDictionary<string, string>? leader, int node, IReadOnlyDictionary<string, string>? status) =>
        leader is null ? "" : leader == status ? "0"
            : NodeStatus.Text(leader, string.Create(CultureInfo.InvariantCulture, $"lag_entries_n{node}"));

    private static async Task WriteTableAsync(CliContext context, DetachedCluster cluster, CancellationToken cancel)
    {
        var members = cluster.State.Members;
        var statuses = await Task.WhenAll(
            members.Select((_, i) => cluster.StatusAsync(i, cancel))).ConfigureAwait(false);
        var table = new TextTable(
            "node", "address", "pid", "state", "role", "leader", "term", "commit", "applied", "lag", "keys", "bytes",
            "caught up", "standing", "slots ready", "bytes rebuilt", "bytes read for it", "rebuild");
        var leads = NodeStatus.Leader(statuses) is { } first ? statuses[first] : null;
        for (var i = 0; i < members.Count; i++)
        {
            var status = statuses[i];
            var pid = members[i].Pid == 0 ? "" : members[i].Pid.ToString(CultureInfo.InvariantCulture);
            var leader = NodeStatus.Text(status, "leader");
            var rebuild = RebuildStatus.Cells(RebuildStatus.Of(status));
            table.Add(
                string.Create(CultureInfo.InvariantCulture, $"n{i}"), members[i].Address, pid,
                cluster.StateOf(i), RoleOf(status),
                leader.Length > 0 && char.IsDigit(leader[0]) ? "n" + leader : leader,
                NodeStatus.Text(status, "term"), NodeStatus.Text(status, "commit_index"),
                NodeStatus.Text(status, "applied_index"), LagOf(leads, i, status),
                NodeStatus.Text(status, "store_keys"), NodeStatus.Text(status, "store_total_bytes"),
                NodeStatus.Text(status, "caught_up"), rebuild[0], rebuild[1], rebuild[2], rebuild[3], rebuild[4]);
        }

        table.Write(context.Out);
        if (statuses.Any(s => RebuildStatus.Of(s) is { IsLost: true }))
        {
            context.Out.WriteLine("LOST: more nodes are empty than the cluster survives, and it refuses requests. "
                + "It goes on when nodes that remember come back;");
            context.Out.WriteLine("to give the data up and begin anew: harness cluster reset --yes");
        }
    }
}
