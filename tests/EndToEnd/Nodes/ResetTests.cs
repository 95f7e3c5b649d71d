using Grpc.Core;
using Grpc.Net.Client;
using Testbed.Protos.V1;

namespace Testbed.Tests.EndToEnd.Nodes;

/// <summary>What nodes answer who asks them to give up their data.</summary>
public sealed class ResetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_reset_names_the_incarnation_and_is_for_coded_clusters()
    {
        var raft = NodeProcess.FreeAddresses(1);
        await using var one = await NodeProcess.StartAsync("raft", raft, 0, _folder.Of(0));
        Assert.Equal(StatusCode.Unimplemented, await AskAsync(raft[0], new ResetRequest { Incarnation = 1 }));

        var ecc = NodeProcess.FreeAddresses(2);
        await using var other = await NodeProcess.StartAsync("ecc", ecc, 0, _folder.Of(1));
        Assert.Equal(StatusCode.InvalidArgument, await AskAsync(ecc[0], new ResetRequest()));
        Assert.Equal(StatusCode.FailedPrecondition, await AskAsync(ecc[0], new ResetRequest { Incarnation = 9 }));
        Assert.Equal(StatusCode.OK, await AskAsync(ecc[0], new ResetRequest { Incarnation = 0 }));
        Assert.Equal(StatusCode.FailedPrecondition, await AskAsync(ecc[0], new ResetRequest { Incarnation = 0 }));
    }

    private static async Task<StatusCode> AskAsync(string address, ResetRequest request)
    {
        using var channel = GrpcChannel.ForAddress($"http://{address}");
        try
        {
            await new NodeAdmin.NodeAdminClient(channel).ResetAsync(
                request, deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: TestContext.Current.CancellationToken);
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }
}
