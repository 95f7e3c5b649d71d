using CsCheck;
using Testbed.Faults;

namespace Testbed.Tests.Unit.Faults;

public sealed class FaultPlanTests
{
    private const long Second = 1_000_000_000;

    private static readonly FaultLimits Raft = new()
    {
        Strategy = "raft", Nodes = 5, Tolerance = 2, DurationNanos = 30 * Second, ClusterName = "raft (5 nodes)",
    };

    private static readonly FaultLimits Ecc = Raft with { Strategy = "ecc", ClusterName = "ecc (5,3)" };

    [Fact]
    public void Kills_are_a_second_apart_at_one_third_and_restarts_at_two_thirds()
    {
        var plan = FaultPlanCompiler.Compile(new FaultRequest { Kill = 2 }, Ecc, 7);
        Assert.Equal([10 * Second, 11 * Second], plan.Faults.Select(f => f.AtNanos));
        Assert.Equal([20 * Second, 21 * Second], plan.Faults.Select(f => f.HealAtNanos!.Value));
        Assert.Equal([1, 2], plan.Faults.Select(f => f.Id));
        Assert.Equal(2, plan.Faults.Select(f => f.Target.Index).Distinct().Count());
        Assert.All(plan.Faults, f => Assert.Equal(FaultKind.Kill, f.Kind));
    }

    [Fact]
    public void Short_runs_squeeze_the_faults_instead_of_refusing_them()
    {
        var plan = FaultPlanCompiler.Compile(new FaultRequest { Kill = 2 }, Ecc with { DurationNanos = Second }, 7);
        Assert.All(plan.Faults, f => Assert.InRange(f.AtNanos, Second / 3 - 1_000_000, 2 * Second / 3));
        Assert.All(plan.Faults, f => Assert.InRange(f.HealAtNanos!.Value, 2 * Second / 3 - 1_000_000, Second));
    }

    [Fact]
    public void The_seed_alone_decides_who_is_killed()
    {
        var request = new FaultRequest { Kill = 2 };
        Assert.Equal(
            FaultPlanCompiler.Compile(request, Ecc, 11).Faults, FaultPlanCompiler.Compile(request, Ecc, 11).Faults);
        var pairs = Enumerable.Range(0, 50)
            .Select(s => FaultPlanCompiler.Compile(request, Ecc, (ulong)s))
            .Select(p => string.Join(',', p.Faults.Select(f => f.Target)))
            .Distinct();
        Assert.True(pairs.Count() > 10);
    }

    [Fact]
    public void No_restart_leaves_nodes_down_to_the_end()
    {
        var plan = FaultPlanCompiler.Compile(new FaultRequest { Kill = 1, NoRestart = true }, Ecc, 7);
        Assert.Null(Assert.Single(plan.Faults).HealAtNanos);
    }

    [Fact]
    public void Given_times_are_taken()
    {
        var request = new FaultRequest { Kill = 1, KillAtNanos = 4 * Second, RestartAtNanos = 6 * Second };
        var fault = Assert.Single(FaultPlanCompiler.Compile(request, Ecc, 7).Faults);
        Assert.Equal((4 * Second, 6 * Second), (fault.AtNanos, fault.HealAtNanos));
    }

    [Fact]
    public void Written_faults_and_options_make_one_plan_ordered_by_time()
    {
        var request = new FaultRequest { Pause = 1, Faults = ["kill:n3@2s for 1s", "stop:follower@25s"] };
        var plan = FaultPlanCompiler.Compile(request, Raft, 7);
        Assert.Equal([FaultKind.Kill, FaultKind.Pause, FaultKind.Stop], plan.Faults.Select(f => f.Kind));
        Assert.Equal("follower", plan.Faults[2].Target.ToString());
        Assert.Null(plan.Faults[2].HealAtNanos);
        Assert.NotEqual(3, plan.Faults[1].Target.Index);
    }

    [Fact]
    public void A_restart_is_undone_as_soon_as_it_is_done()
    {
        var plan = FaultPlanCompiler.Compile(new FaultRequest { Faults = ["restart:2@1s"] }, Ecc, 7);
        Assert.Equal(Second + 1, Assert.Single(plan.Faults).HealAtNanos);
    }

    [Fact]
    public void A_throttled_node_is_not_away_and_keeps_the_cpus_it_is_told()
    {
        var request = new FaultRequest { Kill = 2, Faults = ["throttle:any@11s for 5s to 0.5", "throttle:any@12s"] };
        var plan = FaultPlanCompiler.Compile(request, Ecc with { Cluster = "docker" }, 7);
        Assert.Equal([0.5, FaultText.DefaultThrottleCpus], plan.Faults.Select(f => f.Amount).OfType<double>());
        Assert.Equal(plan.Faults, FaultPlan.FromJson(plan.ToJson()).Faults);
    }

    [Theory]
    [InlineData("oom:2@1s", "process", "oom needs containers; add --cluster docker")]
    [InlineData("kill:2@1s", "attach", "a cluster that is only attached to is not ours to harm; leave faults out")]
    public void A_fault_the_cluster_cannot_suffer_is_refused(string text, string cluster, string why) => Assert.Equal(
        $"--fault \"{text}\": {why}", Refusal(new FaultRequest { Faults = [text] }, Ecc with { Cluster = cluster }));

    [Theory]
    [InlineData("kill:leader@10s for 5s")]
    [InlineData("isolate:leader@10s for 5s")]
    [InlineData("pause:any@500ms for 1.5s")]
    [InlineData("stop:2@1s")]
    public void The_language_of_faults_is_read(string text) =>
        Assert.Single(FaultPlanCompiler.Compile(new FaultRequest { Faults = [text] }, Raft, 7).Faults);

    [Theory]
    [InlineData("kill", "write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"")]
    [InlineData("kill:leader@10s 5s", "write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"")]
    [InlineData("crash:leader@10s", "'crash' is not kill, stop, pause, restart, throttle, oom, disk-full, partition, partition-in, partition-out, isolate, transfer, remove or replace")]
    [InlineData("kill:2@10s to 0.5", "only a throttle takes \"to CPUS\"")]
    [InlineData("throttle:2@10s to 0", "'0' is not a number of CPUs from 0.01 to 64, such as 0.2")]
    [InlineData("kill:2@10s for 5s for 6s", "write KIND:TARGET@AT [for DURATION], such as \"pause:leader@10s for 5s\"")]
    [InlineData("kill:boss@10s", "'boss' is not a node number, any, leader or follower")]
    [InlineData("kill:leader@10", "'10' is not a duration such as 10s or 500ms")]
    public void What_is_not_a_fault_is_refused_with_the_reason(string text, string why) => Assert.Equal(
        $"--fault \"{text}\": {why}", Refusal(new FaultRequest { Faults = [text] }, Raft));

    [Fact]
    public void Three_kills_of_five_are_refused_unless_an_outage_is_allowed()
    {
        var request = new FaultRequest { Kill = 3 };
        Assert.Equal(
            "--kill 3: 3 of 5 nodes would be away at once, but ecc (5,3) works with at most 2 away; "
            + "--allow-outage runs it all the same", Refusal(request, Ecc));
        Assert.Equal(3, FaultPlanCompiler.Compile(request, Ecc with { AllowOutage = true }, 7).Faults.Count);
    }

    [Fact]
    public void Kills_one_after_another_may_be_more_than_the_tolerance()
    {
        var request = new FaultRequest { Faults = ["kill:0@1s for 2s", "kill:1@3s for 2s", "kill:2@5s for 2s"] };
        Assert.Equal(3, FaultPlanCompiler.Compile(request, Ecc with { Tolerance = 1 }, 7).Faults.Count);
    }

    public static TheoryData<FaultRequest, string> Refused => new()
    {
        { new FaultRequest { Kill = 6 }, "--kill 6: the cluster has only 5 nodes" },
        { new FaultRequest { Kill = -1 }, "--kill cannot be negative" },
        { new FaultRequest { Kill = 1, KillAtNanos = 40 * Second }, "--kill-at 40s is not within the measured 30s" },
        { new FaultRequest { Kill = 1, RestartAtNanos = 40 * Second }, "--kill 1: it would end at 40s, after the measured 30s" },
        { new FaultRequest { Kill = 1, RestartAtNanos = 5 * Second }, "--restart-at 5s is not after --kill-at 10s" },
        { new FaultRequest { KillAtNanos = 1 }, "--kill-at needs --kill N" },
        { new FaultRequest { RestartAtNanos = 1 }, "--restart-at needs --kill N" },
        { new FaultRequest { NoRestart = true }, "--no-restart needs --kill N" },
        { new FaultRequest { KillRole = "leader" }, "--kill-role needs --kill N" },
        { new FaultRequest { PauseAtNanos = 1 }, "--pause-at needs --pause N" },
        { new FaultRequest { ResumeAtNanos = 1 }, "--resume-at needs --pause N" },
        {
            new FaultRequest { Kill = 1, NoRestart = true, RestartAtNanos = 20 * Second },
            "--restart-at and --no-restart exclude each other"
        },
        {
            new FaultRequest { Kill = 1, KillRole = "leader" },
            "--kill 1: ecc has no leader and no followers; use any or a node number"
        },
        {
            new FaultRequest { Faults = ["kill:n5@1s"] },
            "--fault \"kill:n5@1s\": there is no node 5; the cluster has n0 to n4"
        },
        {
            new FaultRequest { Faults = ["kill:1@1s for 5s", "pause:1@3s for 1s"] },
            "--fault \"pause:1@3s for 1s\": n1 is already under --fault \"kill:1@1s for 5s\" at that time"
        },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_carried_out_is_refused_in_one_line(FaultRequest request, string why) =>
        Assert.Equal(why, Refusal(request, Ecc));

    [Fact]
    public void Any_plan_survives_its_JSON_form()
    {
        var target = Gen.OneOf(Gen.Int[0, 31].Select(FaultTarget.Node), Gen.Const(FaultTarget.Leader), Gen.Const(FaultTarget.Follower));
        var fault = Gen.Select(
            Gen.Int[1, 999], Gen.Int[0, 2], target, Gen.Long[0, 1000 * Second], Gen.Long[0, 1000 * Second],
            (id, kind, to, at, length) => new PlannedFault
            {
                Id = id, Kind = (FaultKind)kind, Target = to, AtNanos = at, HealAtNanos = length == 0 ? null : at + length,
            });
        Gen.Select(Gen.ULong, fault.Array[0, 8], (seed, faults) => new FaultPlan { Seed = seed, Faults = faults }).Sample(
            plan =>
            {
                var back = FaultPlan.FromJson(plan.ToJson());
                return back.Seed == plan.Seed && back.Faults.SequenceEqual(plan.Faults);
            },
            iter: 200);
    }

    [Theory]
    [InlineData("", "not a fault plan: ")]
    [InlineData("[]", "not a fault plan: 'schema' is missing")]
    [InlineData("""{"schema":"other"}""", "not a fault plan: schema is not testbed.faults/1")]
    [InlineData("""{"schema":"testbed.faults/1","seed":1}""", "not a fault plan: 'faults' is missing")]
    [InlineData("""{"schema":"testbed.faults/1","seed":1,"faults":[{"id":1,"kind":"burn","target":"n1","at_ns":0}]}""",
        "unknown fault 'burn': use kill, stop, pause, restart")]
    [InlineData("""{"schema":"testbed.faults/1","seed":1,"faults":[{"id":1,"kind":"kill","target":"n1","at_ns":-1}]}""",
        "a fault must begin at 0 or later and heal after it began")]
    public void Text_that_is_not_a_plan_is_refused(string json, string why)
    {
        var e = Assert.Throws<FaultPlanException>(() => FaultPlan.FromJson(json));
        Assert.StartsWith(why, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("500ms", 500_000_000)]
    [InlineData("30s", 30 * Second)]
    [InlineData("1.5s", 1_500_000_000)]
    [InlineData("2m", 120 * Second)]
    [InlineData("1h", 3600 * Second)]
    [InlineData("250us", 250_000)]
    [InlineData("0s", 0)]
    public void Durations_are_read(string text, long nanos)
    {
        Assert.True(DurationText.TryParse(text, out var read));
        Assert.Equal(nanos, read);
    }

    [Theory]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1,5s")]
    [InlineData("1 s")]
    [InlineData("99999h")]
    [InlineData("79228162514264337593543950335h")]
    public void What_is_not_a_duration_is_refused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Fact]
    public void Formatted_durations_read_back_exactly() => Gen.Long[0, 40_000 * Second].Sample(
        nanos => DurationText.TryParse(DurationText.Format(nanos), out var read) && read == nanos, iter: 1000);

    private static string Refusal(FaultRequest request, FaultLimits limits)
    {
        var message = Assert.Throws<FaultPlanException>(() => FaultPlanCompiler.Compile(request, limits, 7)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
