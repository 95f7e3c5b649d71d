using Google.Protobuf;
using Grpc.Core;
using Testbed.Client.Links;
using Testbed.Protos.V1;

namespace Testbed.Node.Server;

/// <summary>The methods of KvStore; the gRPC server wants them virtual.</summary>
[BindServiceMethod(typeof(ServiceBinding), nameof(ServiceBinding.BindKvStore))]
internal abstract class KvStoreBase
{
    public abstract Task<GetReply> Get(GetRequest request, ServerCallContext context);

    public abstract Task<PutReply> Put(PutRequest request, ServerCallContext context);

    public abstract Task<DeleteReply> Delete(DeleteRequest request, ServerCallContext context);

    public abstract Task<CompareAndSetReply> CompareAndSet(
        CompareAndSetRequest request, ServerCallContext context);

    public abstract Task<ScanReply> Scan(ScanRequest request, ServerCallContext context);

    public abstract Task Stream(
        IAsyncStreamReader<StreamFrame> requests, IServerStreamWriter<StreamFrame> responses,
        ServerCallContext context);
}

/// <summary>The methods of NodeAdmin.</summary>
[BindServiceMethod(typeof(ServiceBinding), nameof(ServiceBinding.BindNodeAdmin))]
internal abstract class NodeAdminBase
{
    public abstract Task<StatusReply> Status(StatusRequest request, ServerCallContext context);

    public abstract Task<ChangeMembersReply> ChangeMembers(
        ChangeMembersRequest request, ServerCallContext context);

    public abstract Task<ResetReply> Reset(ResetRequest request, ServerCallContext context);
}

/// <summary>
/// Binds the services by hand instead of through generated bases, because the stream method has its own
/// marshaller. Names and types are those of testbed.proto, which reflection serves.
/// </summary>
internal static class ServiceBinding
{
    /// <summary>Called by the gRPC server once, to learn the methods; the service is null then.</summary>
    public static void BindKvStore(ServiceBinderBase binder, KvStoreBase? service)
    {
        var unary = new Unary(binder, "testbed.v1.KvStore");
        unary.Add("Get", GetRequest.Parser, GetReply.Parser, service is null ? null : service.Get);
        unary.Add("Put", PutRequest.Parser, PutReply.Parser, service is null ? null : service.Put);
        unary.Add("Delete", DeleteRequest.Parser, DeleteReply.Parser,
            service is null ? null : service.Delete);
        unary.Add("CompareAndSet", CompareAndSetRequest.Parser, CompareAndSetReply.Parser,
            service is null ? null : service.CompareAndSet);
        unary.Add("Scan", ScanRequest.Parser, ScanReply.Parser, service is null ? null : service.Scan);
        binder.AddMethod(StreamFrame.Method,
            service is null
                ? null
                : new DuplexStreamingServerMethod<StreamFrame, StreamFrame>(service.Stream));
    }

    /// <summary>Called by the gRPC server once, to learn the methods; the service is null then.</summary>
    public static void BindNodeAdmin(ServiceBinderBase binder, NodeAdminBase? service)
    {
        var unary = new Unary(binder, "testbed.v1.NodeAdmin");
        unary.Add("Status", StatusRequest.Parser, StatusReply.Parser, service is null ? null : service.Status);
        unary.Add("ChangeMembers", ChangeMembersRequest.Parser, ChangeMembersReply.Parser,
            service is null ? null : service.ChangeMembers);
        unary.Add("Reset", ResetRequest.Parser, ResetReply.Parser, service is null ? null : service.Reset);
    }

    private readonly struct Unary(ServiceBinderBase binder, string service)
    {
        public void Add<TRequest, TReply>(string name, MessageParser<TRequest> request,
            MessageParser<TReply> reply, UnaryServerMethod<TRequest, TReply>? handler)
            where TRequest : class, IMessage<TRequest>
            where TReply : class, IMessage<TReply> =>
            binder.AddMethod(new Method<TRequest, TReply>(
                MethodType.Unary, service, name, Marshaller(request), Marshaller(reply)), handler);

        private static Marshaller<T> Marshaller<T>(MessageParser<T> parser)
            where T : class, IMessage<T> =>
            new(Write, context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));

        private static void Write<T>(T message, SerializationContext context)
            where T : IMessage<T>
        {
            context.SetPayloadLength(message.CalculateSize());
            message.WriteTo(context.GetBufferWriter());
            context.Complete();
        }
    }
}
