using Testbed.Ecc;
using Testbed.Erasure;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Client;

/// <summary>Makes clients of a running cluster.</summary>
public static class KvClients
{
    /// <summary>
    /// A client of the cluster that <paramref name="options"/> describe. Returns at once and connects in the
    /// background; operations submitted before a node is reached wait within their timeout.
    /// </summary>
    public static IKvClient Connect(KvClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Nodes.Count is < 1 or > Limits.Nodes)
        {
            throw new ArgumentException($"a cluster has 1 to {Limits.Nodes} nodes", nameof(options));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxInFlight, 1);
        return new KvClient(options, Core(options), TimeProvider.System);
    }

    private static IClientCore Core(KvClientOptions options) => options.Strategy switch
    {
        "raft" => new RaftClientCore(new RaftClientOptions
        {
            Nodes = options.Nodes.Count,
            Seed = options.Seed,
            MaxInFlight = options.MaxInFlight,
        }.WithPlant(options.TestPlant)),
        "ecc" => new EccClientCore(new EccClientOptions
        {
            Nodes = options.Nodes.Count,
            DataElements = options.DataElements,
            Kernel = Kernel.Named(options.CodecKernel),
            FixedWidth = options.FixedWidth,
            LeastHedgeMicros = (long)options.LeastHedge.TotalMicroseconds,
            Seed = options.Seed,
            MaxInFlight = options.MaxInFlight,
        }.WithPlant(options.TestPlant)),
        _ => throw new ArgumentException($"unknown strategy '{options.Strategy}'", nameof(options)),
    };
}
