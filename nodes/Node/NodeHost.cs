using System.Net;
using System.Net.Sockets;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Testbed.Log;
using Testbed.Node.Disk;
using Testbed.Node.Server;
using Testbed.Wire;

namespace Testbed.Node;

/// <summary>Exit codes of the node program.</summary>
internal static class NodeExit
{
    public const int Ok = 0;
    public const int Usage = 64;
    public const int PortInUse = 69;
    public const int Fault = 70;
    public const int Disk = 74;
}

/// <summary>One node from start to end: listens, recovers its log, serves, stops when asked.</summary>
internal sealed class NodeHost : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly Func<NodeOptions, INodeCore> _createCore;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<(int Code, string Reason)> _end =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly NodeRuntime _node;
    private readonly HealthServiceImpl _health = new();
    private readonly WebApplication _app;
    private readonly ILogger _log;

    public NodeHost(NodeOptions options, Func<NodeOptions, INodeCore> createCore)
    {
        _options = options;
        _createCore = createCore;
        _node = new NodeRuntime(options, TimeProvider.System, _stopping.Token);
        _app = GrpcServer.Build(_node, _health);
        _log = _app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Testbed.Node");
    }

    /// <summary>Completed once the node serves; tests wait for it.</summary>
    public TaskCompletionSource Serving { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Asks the node to stop.</summary>
    public void Stop(string reason) => End(NodeExit.Ok, reason);

    /// <summary>Runs the node until it is asked to stop or cannot go on; returns the exit code.</summary>
    public async Task<int> RunAsync(TextWriter errors)
    {
        SetHealth(HealthCheckResponse.Types.ServingStatus.NotServing);

        // Options that the core refuses are reported before a port is taken or a folder touched.
        _ = CreateCore(_options);
        try
        {
            await _app.StartAsync().ConfigureAwait(false);
        }
        catch (IOException taken) when (taken.InnerException is AddressInUseException or SocketException)
        {
            await errors.WriteLineAsync(PortInUseLine(taken)).ConfigureAwait(false);
            return NodeExit.PortInUse;
        }
        catch (SocketException refused)
        {
            await errors.WriteLineAsync(
                $"testbed-node: cannot listen on {_options.Listen}: {refused.Message}")
                .ConfigureAwait(false);
            return NodeExit.PortInUse;
        }

        if (!IPAddress.IsLoopback(_options.Listen.Address))
        {
            _log.NoAuthentication(_options.Listen.ToString());
        }

        try
        {
            return await ServeAsync(errors).ConfigureAwait(false);
        }
        catch (InvariantViolation violated)
        {
            await errors.WriteLineAsync(
                $"testbed-node: the log in {_options.DataFolder} cannot be taken back: {violated.Message}")
                .ConfigureAwait(false);
            return NodeExit.Disk;
        }
        catch (LogCorruptException corrupt)
        {
            await errors.WriteLineAsync($"testbed-node: {corrupt.Message}").ConfigureAwait(false);
            return NodeExit.Disk;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            await errors.WriteLineAsync($"testbed-node: data folder {_options.DataFolder}: {refused.Message}")
                .ConfigureAwait(false);
            return NodeExit.Disk;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>
    /// Names the address of streams or, where that is the one that is taken, what the server says of the
    /// other.
    /// </summary>
    private string PortInUseLine(IOException taken) =>
        taken.Message.Contains($":{_options.Listen.Port}", StringComparison.Ordinal)
            ? $"testbed-node: cannot listen on {_options.Listen}: port in use"
            : $"testbed-node: {taken.Message}";

    private INodeCore CreateCore(NodeOptions options)
    {
        try
        {
            return _createCore(options);
        }
        catch (ArgumentException wrong)
        {
            throw new UsageException(wrong.Message.ReplaceLineEndings(" "));
        }
    }

    private async Task<int> ServeAsync(TextWriter errors)
    {
        using var directory = _options.IsVolatile ? null : new DiskLogDirectory(_options.DataFolder);
        NodeLoop? loop = null;
        var sign = _options.IsVolatile ? new PartSign(_options.DataFolder) : null;
        var (core, log, recovered) = directory is null
            ? (CreateCore(_options with { Amnesia = _options.Joins || sign is { IsThere: true } }), new VolatileLog(), 0)
            : OpenLog(directory, () => loop!.LogAdvanced());
        loop = new NodeLoop(core, log, _node.Time,
            fault => End(NodeExit.Fault, fault is InvariantViolation ? fault.Message : fault.ToString()))
        {
            ReadsClockBeforeFlush = _options.Reads == "lease",
            TookPart = sign is null ? null : sign.Leave,
        };
        var unary = new UnaryCalls(loop, _options, _node.Pool, _node.Time);
        loop.Start();
        _node.Ready(loop, unary, log);
        var links = new PeerLinks(_node, loop, _log);
        await using (links.ConfigureAwait(false))
        {
            loop.TellPeersTo(links.Open);
            SetHealth(HealthCheckResponse.Types.ServingStatus.Serving);
            _log.Serves(_options.Id.ToString(), _options.Strategy, _options.Listen.ToString(), recovered);
            Serving.TrySetResult();
            var (code, reason) = await _end.Task.ConfigureAwait(false);
            if (code != NodeExit.Ok)
            {
                // No clean end: what the core knows or the disk holds cannot be trusted. Recovery sorts it
                // out.
                await errors.WriteLineAsync($"testbed-node: {reason}").ConfigureAwait(false);
                Environment.Exit(code);
            }

            _log.Stops(reason);
            SetHealth(HealthCheckResponse.Types.ServingStatus.NotServing);
            await _stopping.CancelAsync().ConfigureAwait(false);
            await _app.StopAsync().ConfigureAwait(false);
        }

        loop.Stop();
        log.Stop();
        return NodeExit.Ok;
    }

    private (INodeCore Core, INodeLog Log, long Recovered) OpenLog(DiskLogDirectory directory, Action advanced)
    {
        try
        {
            return Recover(directory, advanced);
        }
        catch (LogCorruptException corrupt) when (_options.RejoinOnCorruption)
        {
            var folder = directory.PutAside();
            _log.PutAside(corrupt.Message, folder);
            return Recover(directory, advanced);
        }
    }

    private (INodeCore Core, INodeLog Log, long Recovered) Recover(DiskLogDirectory directory, Action advanced)
    {
        var core = CreateCore(_options with { Amnesia = directory.HasPutAside || _options.Joins });
        var recovered = 0L;
        var log = WriteAheadLog.Open(directory, _options.Log, (type, payload) =>
        {
            recovered++;
            core.Recover(type, payload);
        });
        var writer = new LogWriter(log, _options.Durability == "fsync", advanced,
            refused => End(NodeExit.Disk, $"the log cannot be written: {refused.Message}"));
        return (core, writer, recovered);
    }

    /// <summary>
    /// The first call decides how the node ends. A fault during an orderly stop ends it at once: the stop
    /// could wait for ever for what is broken.
    /// </summary>
    private void End(int code, string reason)
    {
        if (!_end.TrySetResult((code, reason)) && code != NodeExit.Ok)
        {
            Console.Error.WriteLine($"testbed-node: {reason}");
            Environment.Exit(code);
        }
    }

    private void SetHealth(HealthCheckResponse.Types.ServingStatus status) => _health.SetStatus("", status);
}
