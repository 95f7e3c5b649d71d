using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Testbed.Benchmarks.Micro;
using Testbed.Benchmarks.Peers;
using Testbed.Benchmarks.Support;
using Testbed.Benchmarks.Verbs;
using Testbed.Erasure;
using Testbed.Harness.Clusters;
using Testbed.Injectors;

namespace Testbed.Benchmarks;

internal static class Program
{
    private const int StoreKeys = 100_000;
    private const int MostStoreKeys = 50_000_000;
    private static readonly TimeSpan CodecSample = TimeSpan.FromMilliseconds(20);

    private const int LogBytes = 512 * 1024 * 1024;
    private const int LogRounds = 5;
    private const int LogGroups = 100;

    // Short samples: a pair of them mostly falls between two interruptions of a busy machine.
    private const int IsalRounds = 51;
    private static readonly TimeSpan IsalSample = TimeSpan.FromMilliseconds(0.3);

    private static readonly TimeSpan LoadWarmup = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LoadMeasured = TimeSpan.FromSeconds(3);

    // A verb that takes longer has met something broken; containers are started and loaded many times.
    private static readonly TimeSpan VerbLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ContainersLimit = TimeSpan.FromMinutes(6);
    private static readonly TimeSpan StoreLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan PeersLimit = TimeSpan.FromHours(3);

    public static async Task<int> Main(string[] args)
    {
        using var cancel = new CancellationTokenSource();
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            cancel.Cancel();
        };
        var verb = args.Length > 0 ? args[0] : "";
        if (verb == "micro")
        {
            return Micro(args.Length > 1 ? args[1] : "*");
        }

        if (verb is not ("store" or "codec" or "load" or "checker" or "stream" or "links" or "cluster" or "containers"
                or "gateway" or "log" or "isal" or "peers")
            || args.Length > MostArguments(verb) || (verb == "store" && !TryStoreKeys(args, out _)))
        {
            return Usage();
        }

        if (!TryPeers(verb, args, out var peers))
        {
            return Usage();
        }

        foreach (var line in Machine.Describe())
        {
            Console.Out.WriteLine(line);
        }

        Console.Out.WriteLine();
        var limit = verb switch
        {
            "peers" => PeersLimit,
            "containers" or "isal" => ContainersLimit,
            "store" => StoreLimit,
            _ => VerbLimit,
        };
        cancel.CancelAfter(limit);
        try
        {
            if (peers is not null)
            {
                await PeersVerb.RunAsync(Console.Out, Console.Error, peers, cancel.Token).ConfigureAwait(false);
                return 0;
            }

            await RunAsync(verb, args, cancel.Token).ConfigureAwait(false);
            return 0;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"{verb}: interrupted, or not done within {limit}")
                .ConfigureAwait(false);
            return 130;
        }
        catch (Exception e) when (e is ClusterStartException or NodeControlException or TimeoutException
            or InvalidOperationException or ArgumentException)
        {
            await Console.Error.WriteLineAsync($"{verb}: {e.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    private static int MostArguments(string verb) =>
        verb switch { "peers" => int.MaxValue, "store" => 3, "containers" => 2, _ => 1 };

    private static bool TryStoreKeys(string[] args, out int keys)
    {
        keys = StoreKeys;
        return args.Length < 2 || (int.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out keys)
            && keys is > 0 and <= MostStoreKeys);
    }

    private static bool TryPeers(string verb, string[] args, out PeersOptions? options)
    {
        options = null;
        try
        {
            options = verb == "peers" ? PeersOptions.Parse(args[1..]) : null;
            return true;
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine("peers: " + e.Message);
            return false;
        }
    }

    private static async Task RunAsync(string verb, string[] args, CancellationToken cancel)
    {
        switch (verb)
        {
            case "store":
                TryStoreKeys(args, out var keys);
                StoreVerb.Run(Console.Out, keys, args.ElementAtOrDefault(2), cancel);
                break;
            case "codec":
                CodecVerb.Run(Console.Out, CodecSample,
                    Kernel.Named(Environment.GetEnvironmentVariable("TESTBED_SIMD")));
                break;
            case "isal":
                IsalVerb.Run(Console.Out, Path.Combine("artifacts", "isal"), IsalRounds, IsalSample,
                    Kernel.Named(Environment.GetEnvironmentVariable("TESTBED_SIMD")), cancel);
                break;
            case "load":
                await LoadVerb.RunAsync(Console.Out, LoadWarmup, LoadMeasured, cancel).ConfigureAwait(false);
                break;
            case "log":
                LogVerb.Run(Console.Out, PeersOptions.DefaultDataFolder(), LogBytes, LogRounds, LogGroups);
                break;
            case "checker":
                CheckerVerb.Run(Console.Out, 1, cancel);
                break;
            case "containers":
                await ContainersVerb.RunAsync(Console.Out, args.ElementAtOrDefault(1), cancel).ConfigureAwait(false);
                break;
            case "stream":
                await StreamVerb.RunAsync(Console.Out, cancel).ConfigureAwait(false);
                break;
            case "gateway":
                await GatewayVerb.RunAsync(Console.Out, new GatewayOptions(), cancel).ConfigureAwait(false);
                break;
            case "links":
                await LinksVerb.RunAsync(Console.Out, cancel).ConfigureAwait(false);
                break;
            default:
                await ClusterVerb.RunAsync(Console.Out, cancel).ConfigureAwait(false);
                break;
        }
    }

    // In this process: the generated projects of the other tool chains do not live under the repository's
    // build rules.
    private static int Micro(string filter)
    {
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(3).WithIterationCount(7)
            .WithMinIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(50));
        var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(job)
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "testbed-benchmarks"));
        var summaries = BenchmarkSwitcher.FromTypes(MicroBenchmarks).Run(["--filter", filter], config);
        return summaries.Any() ? 0 : 1;
    }

    /// <summary>Every class of microbenchmarks; a test calls each method once.</summary>
    internal static Type[] MicroBenchmarks { get; } =
        [typeof(CodecBenchmarks), typeof(StoreBenchmarks), typeof(WireBenchmarks), typeof(LogBenchmarks)];

    private static int Usage()
    {
        Console.Error.WriteLine(
            """
            usage: dotnet run -c Release --project tests/Benchmarks -- <verb>
              micro [filter]  microbenchmarks (BenchmarkDotNet): codec, store, messages, log; filter '*Store*'
              codec           GB/s of the erasure code; with TESTBED_SIMD=NAME by that kernel
              isal            the erasure code against Intel ISA-L (Debian's libisal2), same buffers
              store [N] [CSV] bytes per key and CPU per operation of the store, against ConcurrentDictionary, with
                              N keys (100000); the table also goes into the file CSV
              log             MB/s of recovery; what a synced group costs, by file and by way of syncing
              load            operations/s and cost per operation of the load generator without a cluster
              checker         seconds to the verdict on histories of 1 and 10 million operations
              stream          gets/s of 1 KiB between one client and one node process
              links           what the link proxy costs a get: the same node with and without it
              gateway         unary calls to a node that carries operations out against the client's own streams
              containers [P]  gets/s and start of containers against processes; P: a native build of the node
              peers           our Raft cluster against etcd (Debian's etcd-server), fsync on both; 20 minutes, options:
                              --quick | --systems etcd,testbed --nodes 3,5 --clients 1,16,64,256 --rounds 5 --seconds 3 --kills 10
                              --node-program PATH --etcd PATH --data FOLDER --output FOLDER
              cluster         gets/s, puts/s and latencies of both strategies at 1, 16, 64, 256 clients
            """);
        return 64;
    }
}
