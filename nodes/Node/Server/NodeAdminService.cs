using System.Text;
using Grpc.Core;
using Testbed.Protos.V1;
using Testbed.Wire;

namespace Testbed.Node.Server;

/// <summary>The service <c>testbed.v1.NodeAdmin</c>.</summary>
internal sealed class NodeAdminService(NodeRuntime node) : NodeAdminBase
{
    public override async Task<StatusReply> Status(StatusRequest request, ServerCallContext context)
    {
        if (request.CollectGarbage)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        var figures = await NodeFigures.CollectAsync(node, context.CancellationToken).ConfigureAwait(false);
        var reply = new StatusReply();
        foreach (var (name, value) in figures.ByName())
        {
            reply.Values[name] = value;
        }

        return reply;
    }

    public override async Task<ChangeMembersReply> ChangeMembers(
        ChangeMembersRequest request, ServerCallContext context)
    {
        if (node.Options.Strategy != "raft")
        {
            throw new RpcException(new Status(
                StatusCode.Unimplemented, "the nodes of a coded cluster are fixed; a node that lost its data rebuilds it"));
        }

        var unary = node.Unary ?? throw new RpcException(new Status(StatusCode.Unavailable, "the node recovers its log"));
        var reply = await unary.AdminAsync(
            (RaftAdminKind)request.Change, request.Node, Encoding.ASCII.GetBytes(request.Address), context)
            .ConfigureAwait(false);
        return new ChangeMembersReply { Text = Encoding.UTF8.GetString(reply.Value.Span) };
    }
}
