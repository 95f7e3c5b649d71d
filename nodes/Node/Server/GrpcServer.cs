using System.Net;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using Testbed.Client.Links;
using Testbed.Protos.V1;

namespace Testbed.Node.Server;

/// <summary>
/// The node's servers: gRPC over HTTP/2 without TLS, and the metrics page on a port of its own.
/// </summary>
internal static class GrpcServer
{
    private const int StreamsPerConnection = 1024;
    private const int StreamWindowBytes = 4 * 1024 * 1024;
    private const int ConnectionWindowBytes = 16 * 1024 * 1024;

    /// <summary>Builds the servers; they listen once the application is started.</summary>
    public static WebApplication Build(NodeRuntime node, HealthServiceImpl health)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, node));
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning)
            .AddFilter("Testbed", LogLevel.Information)
            // A start that fails is told in one line by the program itself.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = StreamFrame.MaxMessageBytes;
            grpc.MaxSendMessageSize = null;
        });
        builder.Services.AddSingleton(node);
        builder.Services.AddSingleton<KvStoreService>();
        builder.Services.AddSingleton<NodeAdminService>();
        builder.Services.AddSingleton(health);
        var described = Described();
        builder.Services.AddSingleton(new ReflectionServiceImpl(described));
        builder.Services.AddSingleton(new ReflectionV1ServiceImpl(described));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));

        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<KvStoreService>();
        app.MapGrpcService<NodeAdminService>();
        app.MapGrpcService<HealthServiceImpl>();
        app.MapGrpcService<ReflectionServiceImpl>();
        app.MapGrpcService<ReflectionV1ServiceImpl>();
        app.Map("/metrics", context => WriteMetricsAsync(node, context));
        return app;
    }

    private static Google.Protobuf.Reflection.ServiceDescriptor[] Described() =>
    [
        .. TestbedReflection.Descriptor.Services, Health.Descriptor,
    ];

    private static void Configure(KestrelServerOptions kestrel, NodeRuntime node)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;

        // Streams live as long as the node and may rest: their bounds are ours, in bytes, not Kestrel's in
        // bytes per second.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        kestrel.Listen(node.Options.Listen, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            Count(listen, node.Network);
        });
        if (node.Options.Metrics is { } metrics)
        {
            kestrel.Listen(metrics, listen => listen.Protocols = HttpProtocols.Http1);
        }
    }

    private static void Count(ListenOptions listen, ByteCounters network) => listen.Use(next => connection =>
    {
        connection.Transport = new CountingTransport(connection.Transport, network);
        return next(connection);
    });

    private static async Task WriteMetricsAsync(NodeRuntime node, HttpContext context)
    {
        var figures = await NodeFigures.CollectAsync(node, context.RequestAborted).ConfigureAwait(false);
        context.Response.StatusCode = (int)HttpStatusCode.OK;
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(figures.ToPrometheus(), context.RequestAborted)
            .ConfigureAwait(false);
    }
}
