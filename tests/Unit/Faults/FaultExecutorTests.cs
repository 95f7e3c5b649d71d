using Testbed.Faults;
using Testbed.Injectors;

namespace Testbed.Tests.Unit.Faults;

public sealed class FaultExecutorTests
{
    private const long Second = 1_000_000_000;

    private readonly ManualTime _time = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Faults_are_applied_observed_and_healed_at_their_times()
    {
        var nodes = new FakeNodes(5, _time);
        var executor = Executor(nodes, 5 * Second, Fault(1, FaultKind.Kill, FaultTarget.Node(2), 10, 20),
            Fault(2, FaultKind.Pause, FaultTarget.Node(4), 11, 12));
        await RunAsync(executor);
        Assert.Equal(["15s kill n2", "16s pause n4", "17s resume n4", "25s start n2"], nodes.Actions);
        var record = executor.Records[0];
        Assert.Equal(FaultState.Healed, record.State);
        Assert.Equal(2, record.Node);
        Assert.Equal("evidence of kill", record.Evidence);
        Assert.Equal("evidence of start", record.HealEvidence);
        Assert.Equal(15 * Second, record.RequestedNanos);
        Assert.Equal(15 * Second, record.AppliedNanos);
        Assert.Equal(15 * Second, record.ObservedNanos);
        Assert.Equal(25 * Second, record.HealRequestedNanos);
        Assert.Equal(25 * Second, record.HealedNanos);
        Assert.Equal(
            [FaultState.Requested, FaultState.Applied, FaultState.Healed],
            nodes.Log.Where(r => r.Fault.Id == 1).Select(r => r.State));
    }

    [Fact]
    public async Task A_role_is_looked_up_when_its_time_comes()
    {
        var nodes = new FakeNodes(5, _time) { HasLeader = true };
        var executor = Executor(nodes, 0, Fault(1, FaultKind.Kill, FaultTarget.Leader, 1, 9),
            Fault(2, FaultKind.Kill, FaultTarget.Leader, 2, 9), Fault(3, FaultKind.Pause, FaultTarget.Follower, 3, 4));
        await RunAsync(executor);
        Assert.Equal([0, 1], executor.Records.Take(2).Select(r => r.Node!.Value));
        Assert.InRange(executor.Records[2].Node!.Value, 3, 4);
    }

    [Fact]
    public async Task Without_a_leader_a_role_fault_is_recorded_as_not_applied()
    {
        var nodes = new FakeNodes(3, _time);
        var executor = Executor(nodes, 0, Fault(1, FaultKind.Kill, FaultTarget.Leader, 1, 2));
        await RunAsync(executor);
        var record = Assert.Single(executor.Records);
        Assert.Equal(FaultState.NotApplied, record.State);
        Assert.False(record.TookEffect);
        Assert.Null(record.AppliedNanos);
        Assert.Equal("no leader was found within 5 s", record.Evidence);
        Assert.Empty(nodes.Actions);
    }

    [Fact]
    public async Task A_fault_on_a_node_that_is_down_already_had_no_effect()
    {
        var nodes = new FakeNodes(3, _time);
        nodes.Crash(1);
        var executor = Executor(nodes, 0, Fault(1, FaultKind.Kill, FaultTarget.Node(1), 1, 2));
        await RunAsync(executor);
        Assert.Equal(FaultState.NotApplied, executor.Records[0].State);
        Assert.Equal("n1 is already down", executor.Records[0].Evidence);
        await executor.HealAllAsync(Cancel);
        Assert.Equal("down", nodes.States[1]);
    }

    [Fact]
    public async Task Healing_all_undoes_what_the_plan_left_and_what_failed_before()
    {
        var nodes = new FakeNodes(5, _time);
        nodes.FailingStarts.Add(0);
        var executor = Executor(nodes, 0, Fault(1, FaultKind.Kill, FaultTarget.Node(0), 1, 2),
            Fault(2, FaultKind.Stop, FaultTarget.Node(1), 1, null), Fault(3, FaultKind.Pause, FaultTarget.Node(2), 1, null));
        await RunAsync(executor);
        Assert.Equal(FaultState.NotHealed, executor.Records[0].State);
        Assert.Equal("n0 did not start", executor.Records[0].HealEvidence);
        Assert.Null(executor.Records[1].HealRequestedNanos);

        await executor.HealAllAsync(Cancel);
        Assert.All(executor.Records, r => Assert.Equal(FaultState.Healed, r.State));
        Assert.All(nodes.States, s => Assert.Equal("up", s));
        Assert.Equal(2 * Second, executor.Records[1].HealRequestedNanos);
    }

    [Fact]
    public async Task A_cancelled_plan_leaves_the_rest_undone_and_can_still_be_healed()
    {
        var nodes = new FakeNodes(5, _time);
        using var stop = new CancellationTokenSource();
        var executor = Executor(nodes, 0, Fault(1, FaultKind.Kill, FaultTarget.Node(0), 1, 8),
            Fault(2, FaultKind.Kill, FaultTarget.Node(1), 6, 8));
        var run = executor.RunAsync(stop.Token);
        await _time.RunAsync(run, 1 * Second);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        await executor.HealAllAsync(Cancel);
        Assert.Equal(["1s kill n0", "1s start n0"], nodes.Actions);
    }

    private static PlannedFault Fault(int id, FaultKind kind, FaultTarget target, int atSecond, int? healSecond) => new()
    {
        Id = id,
        Kind = kind,
        Target = target,
        AtNanos = atSecond * Second,
        HealAtNanos = healSecond * Second,
    };

    private FaultExecutor Executor(FakeNodes nodes, long originNanos, params PlannedFault[] faults) => new(
        new FaultPlan { Seed = 1, Faults = faults }, nodes, () => _time.Nanos, nodes, originNanos, _time);

    private async Task RunAsync(FaultExecutor executor)
    {
        var run = executor.RunAsync(Cancel);
        await _time.RunAsync(run, 100 * Second);
        await run.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }
}
