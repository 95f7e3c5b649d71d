using System.Diagnostics;
using Testbed.Simulator;

namespace Testbed.Harness.Simulate;

/// <summary>
/// Runs the simulations of one strategy over a range of seeds, several at the same time; each one is a single
/// thread's. Stops at the first violation.
/// </summary>
internal sealed class SimulationSweep(SimulateOptions options, SimulatedStrategy strategy)
{
    private readonly object _lock = new();
    private ulong _next = options.FirstSeed;
    private bool _exhausted;

    /// <summary>Simulations that ended.</summary>
    public long Seeds { get; private set; }

    /// <summary>Events of all simulations.</summary>
    public long Events { get; private set; }

    /// <summary>Virtual time of all simulations.</summary>
    public double SimulatedSeconds { get; private set; }

    /// <summary>Operations with a definite answer, of all simulations.</summary>
    public long Operations { get; private set; }

    /// <summary>Faults that acted in all simulations.</summary>
    public long Faults { get; private set; }

    /// <summary>Folds the trace hashes of all simulations; independent of their order.</summary>
    public ulong TraceHash { get; private set; }

    /// <summary>Time that passed.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Processor time that the whole process took meanwhile.</summary>
    public TimeSpan Processor { get; private set; }

    /// <summary>The violation of the lowest seed among those found; null when there is none.</summary>
    public SimulationResult? Failing { get; private set; }

    /// <summary>Runs until all seeds are done, one violates, or the caller cancels.</summary>
    public void Run(CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        var processor = Environment.CpuUsage.TotalTime;
        var workers = new Thread[options.Jobs];
        Exception? fault = null;
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(() =>
            {
                try
                {
                    Work(cancel);
                }
                catch (Exception unexpected)
                {
                    Volatile.Write(ref fault, unexpected);
                }
            })
            { IsBackground = true, Name = "simulation" };
            workers[i].Start();
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }

        Elapsed = Stopwatch.GetElapsedTime(started);
        Processor = Environment.CpuUsage.TotalTime - processor;
        if (fault is not null)
        {
            throw new InvalidOperationException("a simulation could not be carried out", fault);
        }

        cancel.ThrowIfCancellationRequested();
    }

    private void Work(CancellationToken cancel)
    {
        var memory = new SimulationMemory();
        while (!cancel.IsCancellationRequested && TryTake(out var seed))
        {
            Add(Simulation.Run(options.Common with { Strategy = strategy, Seed = seed }, memory));
        }
    }

    private bool TryTake(out ulong seed)
    {
        lock (_lock)
        {
            seed = _next;
            if (_exhausted || Failing is not null)
            {
                return false;
            }

            _exhausted = seed == options.LastSeed;
            _next = seed + 1;
            return true;
        }
    }

    private void Add(SimulationResult result)
    {
        lock (_lock)
        {
            Seeds++;
            Events += result.Events;
            SimulatedSeconds += result.SimulatedMicros / 1e6;
            Operations += result.Operations.Ok;
            Faults += result.Faults.Count;
            TraceHash += result.TraceHash;
            if (result.Violation is not null && (Failing is null || result.Options.Seed < Failing.Options.Seed))
            {
                Failing = result;
            }
        }
    }
}
