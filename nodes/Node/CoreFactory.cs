using Testbed.Ecc;
using Testbed.Raft;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>
/// Makes the core of the strategy asked for; nothing else in this room knows that there are two.
/// </summary>
internal static class CoreFactory
{
    public static INodeCore Create(NodeOptions options) => options.Strategy switch
    {
        "raft" => new RaftNodeCore(
            new RaftOptions
            {
                Self = options.Id,
                Nodes = options.Nodes.Count,
                Seed = options.Seed,
                LeaseReads = options.Reads == "lease",
                TestLie = options.TestLie,
            }.WithPlant(options.TestPlant),
            new KvStore()),
        "ecc" => new EccNodeCore(
            new EccOptions
            {
                Self = options.Id,
                Nodes = options.Nodes.Count,
                DataElements = options.DataElements,
                Seed = options.Seed,
                TestLie = options.TestLie,
            }.WithPlant(options.TestPlant),
            new KvStore()),
        _ => throw new UsageException($"--strategy {options.Strategy}: must be raft or ecc"),
    };
}
