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

        var reply = await Unary.AdminAsync(
            (RaftAdminKind)request.Change, request.Node, Encoding.ASCII.GetBytes(request.Address), context)
            .ConfigureAwait(false);
        return new ChangeMembersReply { Text = Encoding.UTF8.GetString(reply.Value.Span) };
    }

    public override async Task<ResetReply> Reset(ResetRequest request, ServerCallContext context)
    {
        if (node.Options.Strategy != "ecc")
        {
            throw new RpcException(new Status(
                StatusCode.Unimplemented,
                "a raft cluster is not reset: stop all nodes, empty their folders, start them again"));
        }

        if (!request.HasIncarnation)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, "a reset names the node's incarnation, as its status shows it"));
        }

        await Unary.ResetAsync(request.Incarnation, context).ConfigureAwait(false);
        return new ResetReply();
    }

    private UnaryCalls Unary =>
        node.Unary ?? throw new RpcException(new Status(StatusCode.Unavailable, "the node recovers its log"));
}
