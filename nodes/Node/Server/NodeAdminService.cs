using Grpc.Core;
using Testbed.Protos.V1;

namespace Testbed.Node.Server;

/// <summary>The service <c>testbed.v1.NodeAdmin</c>.</summary>
internal sealed class NodeAdminService(NodeRuntime node) : NodeAdminBase
{
    public override async Task<StatusReply> Status(StatusRequest request, ServerCallContext context)
    {
        var figures = await NodeFigures.CollectAsync(node, context.CancellationToken).ConfigureAwait(false);
        var reply = new StatusReply();
        foreach (var (name, value) in figures.ByName())
        {
            reply.Values[name] = value;
        }

        return reply;
    }
}
