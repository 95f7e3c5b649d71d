using System.Collections.Concurrent;
using System.Globalization;
using Testbed.Client;
using Testbed.Faults;
using Testbed.Harness.Cli.Views;
using Testbed.Harness.Clusters;
using Testbed.Harness.Load;
using Testbed.Injectors;
using Testbed.Reports;
using Testbed.Results;
using Testbed.Workloads;

namespace Testbed.Harness.Runs;

/// <summary>
/// One run from start to summary: cluster, load, warm-up, measured time with faults, drain, check. Whatever
/// ends it early (Ctrl-C, a cluster that does not come up, a crash of a node), what was measured until then
/// is kept and judged.
/// </summary>
internal sealed class RunSession(
    RunOptions options, WorkloadSpec workload, FaultPlan plan, RunFolder folder, Manifest manifest, DateTimeOffset started,
    IRunView view)
{
    private static readonly TimeSpan QuietPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CatchUpLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan FinalReadLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RestartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstAnswerLimit = TimeSpan.FromSeconds(15);

    // Records loaded or read back at once: as many as hide the way there and back, fewer of large ones, which would
    // overload a small machine and have ECC take nodes for slow.
    private const long LoadedAtOnceBytes = 4L << 20;
    private const long FewestLoaded = 4;
    private const long MostLoaded = 64;

    private readonly RunClock _clock = new();
    private readonly ConcurrentQueue<string> _crashes = new();
    private readonly RunFindings _found = new();
    private readonly CancellationTokenSource _catchUpEnd = new();
    private readonly FailFast? _failFast = options.FailFast ? new FailFast() : null;
    private long _measuredFrom;
    private long _clientBytesBefore;

    /// <summary>Makes the run; returns its summary, also when it was cut short.</summary>
    public async Task<Summary> RunAsync(CancellationToken cancel)
    {
        using var recorder = new RunRecorder(folder, started, () => _clock.NowNanos);
        using var history = new HistoryWriter(folder.HistoryPath, _failFast);
        using var nodes = new CsvAppender<NodeRow>(folder.NodesPath);
        recorder.SetPhase("load", 0);
        recorder.Start();
        try
        {
            view.Phase("start");
            await using var cluster = await StartClusterAsync(cancel).ConfigureAwait(false);
            folder.Write(manifest with { ClusterFacts = cluster.Facts, NodeBuild = cluster.NodeBuild ?? manifest.NodeBuild });
            await DriveAsync(cluster, recorder, history, nodes, cancel).ConfigureAwait(false);
        }
        catch (ClusterStartException e)
        {
            _found.VoidReasons.Add("the cluster did not start: " + e.Message);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            _found.Interrupted = true;
        }

        _catchUpEnd.Dispose();
        _found.Interrupted |= cancel.IsCancellationRequested;
        nodes.Complete();
        history.Complete();
        _found.StoppedBy = _failFast?.Found;
        _failFast?.Dispose();
        _found.Figures = recorder.Finish(_clock.NowNanos);
        view.Phase("check");
        _found.Check = HistoryCheck.Run(folder, _found.Figures.Corrupt);
        folder.Write(_found.Check.ToFile());
        if (_found.Check.Counterexamples.Count > 0)
        {
            CounterexampleReport.Write(
                folder.RunId, _found.Check.Verdict, _found.Check.Counterexamples, folder.TimelinePath);
        }

        foreach (var crash in _crashes)
        {
            _found.VoidReasons.Add(crash);
        }

        return RunSummary.Build(options, workload, folder, _found);
    }

    private async Task<ICluster> StartClusterAsync(CancellationToken cancel)
    {
        _found.LinkProxy = plan.Faults.Any(f => FaultKinds.IsLink(f.Kind));
        var cluster = await ClusterFactory.StartAsync(options.Cluster, new ClusterOptions
        {
            Strategy = options.Strategy,
            AttachTo = options.AttachTo,
            Nodes = options.Nodes,
            DataElements = options.DataElements,
            Width = options.Width,
            Durability = options.Durability,
            Reads = options.Reads,
            RebuildBytesPerSecond = options.RebuildBytesPerSecond,
            LogFolder = folder.LogFolder,
            DataFolder = folder.In("data"),
            BasePort = options.BasePort,
            LyingNodes = options.LyingNodes,
            Plant = options.Plant,
            NodeProgram = options.NodeProgram,
            Seed = options.Seed,
            LinkProxy = _found.LinkProxy,
            NodeCpus = options.NodeCpus,
            NodeMemoryBytes = options.NodeMemoryBytes,
            NodeDiskBytes = options.NodeDiskBytes,
            NodeAccess = options.NodeAccess,
            NodeImage = options.NodeImage,
            Owner = folder.RunId,
        }, cancel).ConfigureAwait(false);
        cluster.UnexpectedExit += (_, what) => _crashes.Enqueue(what);
        return cluster;
    }

    private async Task DriveAsync(ICluster cluster, RunRecorder recorder, HistoryWriter history,
        CsvAppender<NodeRow> nodes, CancellationToken cancel)
    {
        var sampler = new NodeSampler(cluster, _clock, rows =>
        {
            foreach (var row in rows)
            {
                nodes.Append(row);
            }

            nodes.Flush();
        });
        var watch = new CatchUpWatch(cluster, _clock);
        var tracker = new PhaseTracker(plan, view, recorder.SetPhase, folder,
            record => watch.Begin(record.Fault.Id, record.Node!.Value, _catchUpEnd.Token));
        _found.GarbageCollected = await CollectGarbageAsync(cluster, cancel).ConfigureAwait(false);
        _found.SampleBefore = await sampler.SampleAllAsync(cancel).ConfigureAwait(false);
        _found.Sampler = sampler;
        _found.Watch = watch;
        _found.Tracker = tracker;
        var sink = new RecorderSink(recorder.CreateWorker(), history);
        await using var client = KvClients.Connect(new KvClientOptions
        {
            CodecKernel = Environment.GetEnvironmentVariable("TESTBED_SIMD"),
            Strategy = options.Strategy,
            Nodes = cluster.Addresses,
            DataElements = options.DataElements,
            FixedWidth = options.IsFixedWidth,
            Seed = ClientSeed(),
            TestPlant = options.Plant,
        });
        var generator = new LoadGenerator(client, workload, LoadOptionsOf(), sink);
        using var sampling = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var live = new LiveStatusFeed(options, view, recorder, sampler, tracker, generator, _clock);
        var samples = sampler.RunAsync(live.Update, sampling.Token);
        try
        {
            var meter = new TrafficMeter(sampler, client, _found.Traffic);
            if (await LoadAsync(generator, client, meter, cancel).ConfigureAwait(false))
            {
                await MeasureAsync(cluster, client, recorder, sampler, tracker, generator, cancel).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                if (Stopped)
                {
                    return;
                }

                await DrainAsync(cluster, sampler, watch, generator, meter, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            await _catchUpEnd.CancelAsync().ConfigureAwait(false);
            await watch.WaitAsync().ConfigureAwait(false);
            _found.ClientCounters = client.Counters();
            await sampling.CancelAsync().ConfigureAwait(false);
            await samples.ConfigureAwait(false);
        }
    }

    /// <summary>False: the records could not be loaded, and the run is void.</summary>
    private async Task<bool> LoadAsync(
        LoadGenerator generator, IKvClient client, TrafficMeter meter, CancellationToken cancel)
    {
        view.Phase("load");
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel))
        {
            limit.CancelAfter(FirstAnswerLimit);
            if (!await AnswersAsync(client, limit.Token).ConfigureAwait(false))
            {
                cancel.ThrowIfCancellationRequested();
                _found.VoidReasons.Add("the cluster started but answered no read within "
                    + FirstAnswerLimit.TotalSeconds.ToString(CultureInfo.InvariantCulture) + " s");
                return false;
            }
        }

        using var end = EndOrStop(cancel);
        await meter.BeginAsync(cancel).ConfigureAwait(false);
        var report = await generator.LoadRecordsAsync(end.Token).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        await meter.EndAsync("load", "put", report, cancel).ConfigureAwait(false);
        if (Stopped)
        {
            return false;
        }

        if (report.Unfinished > 0)
        {
            _found.VoidReasons.Add(string.Create(CultureInfo.InvariantCulture,
                $"{report.Unfinished} of {workload.InsertCount} records could not be loaded"));
            return false;
        }

        return true;
    }

    private static async Task<bool> AnswersAsync(IKvClient client, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var result = await client.GetAsync("readiness"u8.ToArray()).ConfigureAwait(false);
            if (result.Outcome is Outcome.Ok or Outcome.NotFound)
            {
                return true;
            }
        }

        return false;
    }

    private async Task MeasureAsync(ICluster cluster, IKvClient client, RunRecorder recorder, NodeSampler sampler,
        PhaseTracker tracker, LoadGenerator generator, CancellationToken cancel)
    {
        var warmupFrom = _clock.NowNanos;
        recorder.SetPhase("warm-up", warmupFrom);
        view.Phase("warm-up");
        _measuredFrom = warmupFrom + options.WarmupNanos;
        _found.MeasuredFromNanos = _measuredFrom;
        var executor = new FaultExecutor(plan, cluster, () => _clock.NowNanos, tracker, _measuredFrom);
        using var end = EndOrStop(cancel);
        using var faultsEnd = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
        var faults = BeginMeasuringAsync(client, tracker, sampler, executor, faultsEnd.Token);
        var report = await generator.RunAsync(
            TimeSpan.FromMicroseconds((options.WarmupNanos + options.DurationNanos) / 1000), end.Token).ConfigureAwait(false);
        tracker.End();
        recorder.SetPhase("drain", Math.Max(_clock.NowNanos, _measuredFrom));
        await sampler.SampleAsync(CancellationToken.None).ConfigureAwait(false);
        sampler.Measuring = false;
        _found.ClientSentBytes = client.Counters().GetValueOrDefault("network_tx_bytes") - _clientBytesBefore;
        _found.Load = report;
        // Every planned time is within the measured time, so this ends as soon as the last node answers
        // again.
        faultsEnd.CancelAfter(end.IsCancellationRequested ? TimeSpan.Zero : RestartLimit);
        try
        {
            await faults.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What is still in force is healed next; after Ctrl-C the cluster ends with it.
        }

        view.Phase("drain");
        if (!cancel.IsCancellationRequested)
        {
            await executor.HealAllAsync(cancel).ConfigureAwait(false);
        }

    }

    private bool Stopped => _failFast is { Stop.IsCancellationRequested: true };

    /// <summary>What ends the load early: Ctrl-C, or a violation seen by <c>--fail-fast</c>.</summary>
    private CancellationTokenSource EndOrStop(CancellationToken cancel) =>
        CancellationTokenSource.CreateLinkedTokenSource(cancel, _failFast?.Stop ?? CancellationToken.None);

    private async Task BeginMeasuringAsync(IKvClient client, PhaseTracker tracker, NodeSampler sampler,
        FaultExecutor executor, CancellationToken cancel)
    {
        var wait = _measuredFrom - _clock.NowNanos;
        if (wait > 0)
        {
            await Task.Delay(TimeSpan.FromMicroseconds(wait / 1000), cancel).ConfigureAwait(false);
        }

        tracker.Begin(_measuredFrom);
        await sampler.SampleAsync(cancel).ConfigureAwait(false);
        sampler.Measuring = true;
        _clientBytesBefore = client.Counters().GetValueOrDefault("network_tx_bytes");
        await executor.RunAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Quiet period, catching up, and a read of every key, so that a lost write cannot hide.
    /// </summary>
    private async Task DrainAsync(ICluster cluster, NodeSampler sampler, CatchUpWatch watch,
        LoadGenerator generator, TrafficMeter meter, CancellationToken cancel)
    {
        await Task.Delay(QuietPeriod, cancel).ConfigureAwait(false);
        _catchUpEnd.CancelAfter(CatchUpLimit);
        await watch.WaitAsync().WaitAsync(cancel).ConfigureAwait(false);
        using var limit = EndOrStop(cancel);
        limit.CancelAfter(FinalReadLimit);
        await meter.BeginAsync(cancel).ConfigureAwait(false);

        // A cluster that is LOST refuses for good: asking again and again would only take time.
        var final = await generator.ReadAllAsync(watch.IsLost ? 1 : null, limit.Token).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        await meter.EndAsync("final-read", "get", final, cancel).ConfigureAwait(false);
        _found.FinalRead = final;
        for (var i = 0; i < cluster.Count; i++)
        {
            _found.CaughtUp[i] = await watch.IsCaughtUpSoonAsync(i, cancel).ConfigureAwait(false);
        }

        _found.GarbageCollected &= await CollectGarbageAsync(cluster, cancel).ConfigureAwait(false);
        _found.FinalSample = await sampler.SampleAllAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>Nodes of others are left alone.</summary>
    private async Task<bool> CollectGarbageAsync(ICluster cluster, CancellationToken cancel) =>
        options.Cluster != "attach"
        && await NodeGarbage.CollectAsync(cluster.Addresses, cancel).ConfigureAwait(false);

    /// <summary>
    /// Nodes that outlive the run remember its client: another with the same identity would break what
    /// versions promise. What is offered depends on the run's seed all the same.
    /// </summary>
    private ulong ClientSeed() =>
        options.Cluster == "attach" ? (ulong)Random.Shared.NextInt64() : options.Seed;

    private LoadOptions LoadOptionsOf() => new()
    {
        RatePerSecond = options.RatePerSecond,
        Arrival = options.Arrival == "constant" ? ArrivalKind.Constant : ArrivalKind.Poisson,
        Clients = options.Clients,
        TimeoutMicros = options.TimeoutNanos / 1000,
        LoadConcurrency = (int)Math.Clamp(LoadedAtOnceBytes / workload.MaxValueBytes, FewestLoaded, MostLoaded),
        Seed = options.Seed,
        OriginTimestamp = _clock.OriginTimestamp,
    };
}
