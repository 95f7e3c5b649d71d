using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Testbed.Client.Links;

namespace Testbed.Node;

/// <summary>
/// <c>testbed-node --health HOST:PORT</c>: the exit code says whether the node there serves. So a container
/// image needs no shell and no other program for its health check.
/// </summary>
internal static class HealthQuery
{
    /// <summary>The option that makes the program ask instead of serve.</summary>
    public const string Option = "--health";

    private const int Unhealthy = 1;

    // Health checks of containers give up after seconds; the answer of a node that serves takes
    // milliseconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Asks once; 0 when the node serves, 1 with one line when not.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter errors)
    {
        if (args.Count != 2 || args[0] != Option || !NodeOptions.IsAddress(args[1]))
        {
            throw new UsageException($"{Option} takes host:port and stands alone");
        }

        using var channel = GrpcChannel.ForAddress("http://" + args[1], new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectTimeout = Patience,
                ConnectCallback = CountingStream.ConnectAsync,
            },
        });
        try
        {
            var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + Patience;
            var call = new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), deadline: deadline);
            var answer = await call.ConfigureAwait(false);
            if (answer.Status == HealthCheckResponse.Types.ServingStatus.Serving)
            {
                return NodeExit.Ok;
            }

            await errors.WriteLineAsync($"testbed-node: {args[1]} is up but does not serve").ConfigureAwait(false);
        }
        catch (RpcException refused)
        {
            await errors.WriteLineAsync($"testbed-node: {args[1]} does not answer ({refused.StatusCode})")
                .ConfigureAwait(false);
        }

        return Unhealthy;
    }
}
