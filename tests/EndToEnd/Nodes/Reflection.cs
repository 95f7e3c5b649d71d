using Grpc.Net.Client;
using Grpc.Reflection.V1;

namespace Testbed.Tests.EndToEnd.Nodes;

/// <summary>Asks a server for its services, as grpcurl does.</summary>
internal static class Reflection
{
    public static async Task<string[]> ServicesAsync(string address, CancellationToken cancel)
    {
        using var channel = GrpcChannel.ForAddress($"http://{address}");
        using var call = new ServerReflection.ServerReflectionClient(channel)
            .ServerReflectionInfo(cancellationToken: cancel);
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, cancel);
        Assert.True(await call.ResponseStream.MoveNext(cancel));
        return [.. call.ResponseStream.Current.ListServicesResponse.Service.Select(service =>
            service.Name).Order()];
    }
}
