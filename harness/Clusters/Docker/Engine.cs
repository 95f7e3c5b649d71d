using System.Globalization;
using System.Net.Sockets;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// The Docker engine a run talks to: the one of <c>DOCKER_HOST</c>, of the current Docker context, or of this
/// machine. Its version is agreed on once; what it refuses becomes one line for a person.
/// </summary>
internal sealed class Engine : IDisposable
{
    /// <summary>Oldest API with all that is used here (engine 19.03).</summary>
    private static readonly System.Version OldestApi = new(1, 40);

    /// <summary>Newest API whose answers are known here.</summary>
    private static readonly System.Version NewestApi = new(1, 51);

    private static readonly TimeSpan FirstAnswerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ClientLimit = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(30);

    private Engine(DockerClient client, VersionResponse version, SystemInfoResponse info)
    {
        Client = client;
        Version = version.Version;
        Architecture = version.Arch;
        Info = info;
        Endpoint = client.Options.Endpoint;
    }

    /// <summary>The client, at the agreed version.</summary>
    public DockerClient Client { get; }

    /// <summary>Version of the engine.</summary>
    public string Version { get; }

    /// <summary>Architecture of its containers in Go's words: amd64, arm64.</summary>
    public string Architecture { get; }

    /// <summary>Where it listens.</summary>
    public Uri Endpoint { get; }

    /// <summary>What it says of itself.</summary>
    public SystemInfoResponse Info { get; }

    /// <summary>
    /// True when it is this machine's own engine, whose addresses are ours to reach; Docker Desktop's runs in
    /// a machine, a rootless one in a network namespace of its own.
    /// </summary>
    public bool IsThisMachines => OperatingSystem.IsLinux() && Endpoint.Scheme == "unix"
        && !Info.OperatingSystem.Contains("Docker Desktop", StringComparison.Ordinal)
        && !(Info.SecurityOptions ?? []).Any(o => o.Contains("rootless", StringComparison.Ordinal));

    /// <summary>Host name under which published ports are reached.</summary>
    public string PublishedHost => Endpoint.Scheme is "unix" or "npipe" ? "127.0.0.1" : Endpoint.Host;

    /// <summary>How a person would call it.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"Docker {Version} at {Endpoint}");

    /// <summary>
    /// Connects; throws <see cref="EngineException"/> with what is wrong and what to do.
    /// </summary>
    public static async Task<Engine> ConnectAsync(CancellationToken cancel)
    {
        DockerClient? first = null;
        try
        {
            first = new DockerClientBuilder().WithTimeout(ClientLimit).Build();
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(FirstAnswerLimit);
            var version = await first.System.GetVersionAsync(limit.Token).ConfigureAwait(false);
            var api = Agree(version);
            first.Dispose();
            first = new DockerClientBuilder().WithApiVersion(api).WithTimeout(ClientLimit).Build();
            var info = await first.System.GetSystemInfoAsync(limit.Token).ConfigureAwait(false);
            if (info.OSType != "linux")
            {
                throw new EngineException("the Docker engine runs Windows containers; switch it to Linux containers");
            }

            return new Engine(first, version, info);
        }
        catch (Exception e) when (e is not EngineException && !cancel.IsCancellationRequested)
        {
            var endpoint = first?.Options.Endpoint.ToString() ?? "the address in DOCKER_HOST";
            first?.Dispose();
            throw new EngineException(Explain(e, endpoint));
        }
        catch
        {
            first?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A call with a limit of its own, which the user's Ctrl-C does not cut short: the engine would go on
    /// alone and leave what nobody knows of. Throws <see cref="EngineException"/>.
    /// </summary>
    public static async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call)
    {
        using var limit = new CancellationTokenSource(CallLimit);
        try
        {
            return await call(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new EngineException($"the engine refused: {Reason(e)}");
        }
    }

    /// <summary>The same for calls that return nothing.</summary>
    public static Task CallAsync(Func<CancellationToken, Task> call) => CallAsync(async c =>
    {
        await call(c).ConfigureAwait(false);
        return true;
    });

    /// <summary>True for whatever a call to an engine may end with besides its result.</summary>
    public static bool IsRefusal(Exception e) => e is DockerApiException or HttpRequestException or IOException
        or SocketException or TimeoutException or OperationCanceledException or AggregateException or ObjectDisposedException;

    /// <summary>What an engine's refusal says, in one line.</summary>
    public static string Reason(Exception e) => e switch
    {
        DockerApiException { ResponseBody: { Length: > 0 } body } => Message(body),
        AggregateException { InnerException: { } inner } => Reason(inner),
        OperationCanceledException or TimeoutException => "no answer in time",
        _ => Line(e.InnerException is SocketException socket ? socket.Message : e.Message),
    };

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    private static System.Version Agree(VersionResponse version)
    {
        if (!System.Version.TryParse(version.APIVersion, out var newest) || newest < OldestApi)
        {
            throw new EngineException(
                $"the Docker engine {version.Version} is too old: its API is {version.APIVersion}, {OldestApi} is needed");
        }

        return newest < NewestApi ? newest : NewestApi;
    }

    private static string Explain(Exception e, string endpoint)
    {
        const string otherwise = "clusters of processes need none: leave out --cluster docker";
        return Root(e) switch
        {
            SocketException { SocketErrorCode: SocketError.AccessDenied } or UnauthorizedAccessException =>
                $"the Docker engine at {endpoint} refuses this user; add yourself to the group 'docker', or set DOCKER_HOST",
            SocketException or OperationCanceledException or TimeoutException or HttpRequestException =>
                $"no Docker engine answers at {endpoint}; start it or set DOCKER_HOST; {otherwise}",
            _ => $"the Docker engine at {endpoint} cannot be used: {Reason(e)}; {otherwise}",
        };
    }

    private static Exception Root(Exception e) => e.InnerException is { } inner ? Root(inner) : e;

    private static string Message(string body)
    {
        try
        {
            using var document = System.Text.Json.JsonDocument.Parse(body);
            return Line(document.RootElement.GetProperty("message").GetString() ?? body);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return Line(body);
        }
    }

    private static string Line(string text) => text.ReplaceLineEndings(" ").Trim();
}
