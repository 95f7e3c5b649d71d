using Testbed.Ecc;
using Testbed.Erasure;
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
                Nodes = options.Founders,
                Seed = options.Seed,
                Volatile = options.IsVolatile,
                Nonce = Nonce(),
                Amnesia = options.Amnesia,

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
                Kernel = Kernel.Named(options.CodecKernel),
                Seed = options.Seed,
                Volatile = options.IsVolatile,
                Nonce = Nonce(),
                Amnesia = options.Amnesia,
                RebuildBytesPerSecond = options.RebuildBytesPerSecond,
                OrphanAgeMicros = options.OrphanAgeMicros,
                FixedWidth = options.Width == "fixed",
                LeastHedgeMicros = options.LeastHedgeMicros,
                TestLie = options.TestLie,
                TestRot = options.TestRot,
            }.WithPlant(options.TestPlant),
            new KvStore()),
        _ => throw new UsageException($"--strategy {options.Strategy}: must be raft or ecc"),
    };

    // From the system's generator without OpenSSL, which images of the node do not hold.
    private static ulong Nonce()
    {
        var bytes = Guid.NewGuid().ToByteArray();
        return BitConverter.ToUInt64(bytes) ^ BitConverter.ToUInt64(bytes, sizeof(ulong));
    }
}
