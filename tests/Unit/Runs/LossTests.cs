using Testbed.Faults;
using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Views;
using Testbed.Harness.Clusters;
using Testbed.Harness.Load;
using Testbed.Harness.Runs;
using Testbed.Results;
using Testbed.Tests.Unit.Results;

namespace Testbed.Tests.Unit.Runs;

/// <summary>Nodes that came back empty, and what a run says of a cluster that declared its data LOST.</summary>
public sealed class LossTests : IDisposable
{
    private readonly Nodes _nodes = new();
    private readonly AttachedCluster _cluster;
    private readonly CatchUpWatch _watch;
    private readonly TemporaryFolder _temporary = new();

    public LossTests()
    {
        _cluster = new AttachedCluster(["0", "1", "2", "3", "4"], _nodes);
        _watch = new CatchUpWatch(_cluster, new RunClock());
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task A_node_is_watched_until_it_has_everything_and_what_it_read_is_kept()
    {
        _nodes.Say(2, "recovering", slotsReady: 9);
        _watch.Begin(1, 2, Cancel);
        await _nodes.AskedAsync(2);
        _nodes.Say(2, "ready", slotsReady: 256, caughtUp: true, rebuilt: 100, read: 301, tookMillis: 420);
        await _watch.WaitAsync();
        Assert.NotNull(_watch.CaughtUpNanos(1));
        Assert.Equal(new RebuildStatus("ready", true, 256, 256, 100, 301, 420, 0), _watch.Rebuild(1));
        Assert.False(_watch.IsLost);
    }

    [Fact]
    public async Task A_node_that_kept_its_memory_has_nothing_to_rebuild()
    {
        _nodes.Say(0, "ready", slotsReady: 256, caughtUp: true, empty: false);
        _watch.Begin(1, 0, Cancel);
        await _watch.WaitAsync();
        Assert.NotNull(_watch.CaughtUpNanos(1));
        Assert.Null(_watch.Rebuild(1));
    }

    [Fact]
    public async Task A_lost_node_is_waited_for_while_others_may_come_back_and_no_longer()
    {
        _nodes.Say(1, "lost");
        _watch.Begin(1, 1, Cancel);
        await _nodes.AskedAsync(1);
        await _nodes.AskedAsync(1);
        Assert.False(_watch.IsLost);
        await _watch.WaitAsync();
        Assert.True(_watch.IsLost);
        Assert.Null(_watch.CaughtUpNanos(1));
        Assert.False(await _watch.IsCaughtUpSoonAsync(1, Cancel));
    }

    [Fact]
    public async Task A_loss_that_was_allowed_is_a_finding_and_says_what_was_refused()
    {
        var summary = await LostAsync(allowOutage: true);
        Assert.Equal(("valid", ExitCodes.Ok), (summary.Verdict, summary.ExitCode));
        Assert.Equal("all 0 operations are linearizable; the cluster declared its data LOST, for 3 of 5 nodes came back empty "
            + "and it survives 2: it refused 990 of 1,000 keys, nothing else was lost", summary.VerdictReason);
        Assert.Equal(new LossFigures(3, 2, 990, 10), summary.DeclaredLost);
        Assert.Equal(new RebuildFigures(1, "n0", "lost", 0, 256, null, 0, 0, null), summary.Rebuilds[0]);
    }

    [Fact]
    public async Task A_loss_that_was_not_allowed_leaves_the_run_undecided()
    {
        var summary = await LostAsync(allowOutage: false);
        Assert.Equal(("unknown", ExitCodes.Undecided), (summary.Verdict, summary.ExitCode));
        Assert.StartsWith("the cluster declared its data LOST, for 3 of 5 nodes", summary.VerdictReason, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_without_an_answer_and_without_a_declaration_leave_it_undecided_even_where_an_outage_was_allowed()
    {
        var summary = Build(new RunOptions { AllowOutage = true }, new RunFindings { FinalRead = Read(990, 10) });
        Assert.Equal(("unknown", ExitCodes.Undecided), (summary.Verdict, summary.ExitCode));
        Assert.Equal("990 keys gave no answer after all faults were healed", summary.VerdictReason);
        Assert.Null(summary.DeclaredLost);
    }

    private async Task<Summary> LostAsync(bool allowOutage)
    {
        var options = new RunOptions { AllowOutage = allowOutage };
        var plan = (options with { AllowOutage = true, Faults = new FaultRequest { Kill = 3 } }).CompilePlan();
        var folder = RunFolder.Create(_temporary.FullPath, DateTimeOffset.UnixEpoch, "ecc", "a", "kill3");
        var tracker = new PhaseTracker(plan, new QuietView(TextWriter.Null), (_, _) => { }, folder, _ => { });
        for (var node = 0; node < 3; node++)
        {
            _nodes.Say(node, "lost");
            _watch.Begin(plan.Faults[node].Id, node, Cancel);
            tracker.Updated(new FaultRecord
            {
                Fault = plan.Faults[node], Node = node, State = FaultState.Healed, RequestedNanos = 0,
            });
        }

        await _watch.WaitAsync();
        NodeRow Row(int node) => NodeStatus.Row($"n{node}", "up", default, _nodes.StatusOf(node));
        _nodes.Say(3, "ready", slotsReady: 256, empty: false);
        _nodes.Say(4, "ready", slotsReady: 256, empty: false);
        return Build(options, new RunFindings
        {
            FinalRead = Read(990, 10), Watch = _watch, Tracker = tracker, FinalSample = [.. Enumerable.Range(0, 5).Select(Row)],
        });
    }

    private Summary Build(RunOptions options, RunFindings found)
    {
        found.Check = HistoryCheck.Run([]);
        found.Figures = new RunFigures
        {
            Phases = [], MeasuredNs = 1, Operations = [], ScheduleLagP99Ns = null, Attempted = 0, Offered = 0, Corrupt = 0,
            Reasons = [], Clamped = 0, Problem = null,
        };
        var (workload, _) = WorkloadChoice.Resolve(options, _temporary.FullPath);
        var folder = RunFolder.Create(_temporary.FullPath, DateTimeOffset.UnixEpoch, "ecc", "a", "kill3");
        return RunSummary.Build(options, workload, folder, found);
    }

    private static LoadReport Read(long unfinished, long ok) => new()
    {
        Offered = unfinished + ok, Attempted = unfinished + ok, Ok = ok, NotFound = 0, Failed = unfinished, Unknown = 0,
        Corrupt = 0, Shed = 0, Abandoned = 0, Unfinished = unfinished, MaxInFlight = 1, LagP50Nanos = null, LagP99Nanos = null,
        LagMaxNanos = null, StartNanos = 0, EndNanos = 1, Interrupted = false, VoidReason = null,
    };

    /// <summary>Nodes that say what they are told to.</summary>
    private sealed class Nodes : INodeProbe
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, Dictionary<string, string>> _statuses = [];
        private readonly Dictionary<string, TaskCompletionSource> _asked = [];

        public void Say(int node, string standing, long slotsReady = 0, bool caughtUp = false, bool empty = true, long rebuilt = 0,
            long read = 0, long tookMillis = 0)
        {
            lock (_lock)
            {
                _statuses[$"{node}"] = new Dictionary<string, string>
                {
                    ["standing"] = standing, ["caught_up"] = caughtUp ? "1" : "0", ["came_back_empty"] = empty ? "1" : "0",
                    ["slots"] = "256", ["slots_ready"] = $"{slotsReady}", ["rebuilt_bytes"] = $"{rebuilt}",
                    ["rebuild_read_bytes"] = $"{read}", ["rebuild_ms"] = $"{tookMillis}", ["rebuild_left_ms"] = "0",
                };
            }
        }

        public Dictionary<string, string> StatusOf(int node)
        {
            lock (_lock)
            {
                return _statuses[$"{node}"];
            }
        }

        /// <summary>Ends when the node is asked the next time.</summary>
        public Task AskedAsync(int node)
        {
            lock (_lock)
            {
                _asked[$"{node}"] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _asked[$"{node}"].Task;
            }
        }

        public Task<bool> IsServingAsync(string address, CancellationToken cancel) => Task.FromResult(true);

        public Task<IReadOnlyDictionary<string, string>?> StatusAsync(string address, CancellationToken cancel)
        {
            lock (_lock)
            {
                if (_asked.Remove(address, out var asked))
                {
                    asked.SetResult();
                }

                return Task.FromResult<IReadOnlyDictionary<string, string>?>(_statuses[address]);
            }
        }
    }
}
