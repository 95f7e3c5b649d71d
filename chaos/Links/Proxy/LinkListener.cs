using System.Net.Sockets;

namespace Testbed.Links;

/// <summary>What one link has carried and what it holds back now.</summary>
/// <param name="Link">Name, <c>n0>n1</c>.</param>
/// <param name="Open">Connections now.</param>
/// <param name="Accepted">Connections ever.</param>
/// <param name="AcceptedStalled">Connections that came while the link was stalled.</param>
/// <param name="Up">Bytes of the one who dials.</param>
/// <param name="Down">Bytes of the one who is dialled.</param>
internal sealed record LinkCounters(
    string Link, int Open, long Accepted, long AcceptedStalled, FlowCounters Up, FlowCounters Down);

/// <summary>The same of one direction.</summary>
/// <param name="Bytes">Handed on so far.</param>
/// <param name="WaitingBytes">Held back now, as far as the proxy can see.</param>
/// <param name="Held">Connections held back now.</param>
internal readonly record struct FlowCounters(long Bytes, long WaitingBytes, int Held);

/// <summary>One link: accepts its connections, in a stall too, and counts.</summary>
internal sealed class LinkListener(LinkSpec spec, RuleBoard board) : IDisposable
{
    private const int Backlog = 128;

    // More than this stay unanswered in the kernel's queue until others end.
    private const int MaxConnections = 256;

    private readonly int _upPair = board.PairOf(spec.From, spec.To);
    private readonly int _downPair = board.PairOf(spec.To, spec.From);
    private readonly FlowTotals _up = new();
    private readonly FlowTotals _down = new();
    private readonly Lock _lock = new();
    private readonly HashSet<LinkConnection> _connections = [];
    private readonly SemaphoreSlim _slots = new(MaxConnections);
    private readonly Socket _socket = new(spec.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
    private long _accepted;
    private long _acceptedStalled;

    /// <summary>The link.</summary>
    public LinkSpec Spec => spec;

    /// <summary>Takes the address; throws <see cref="SocketException"/> when it is taken.</summary>
    public void Bind()
    {
        _socket.Bind(spec.Listen);
        _socket.Listen(Backlog);
    }

    /// <summary>Where it listens, with the port the system chose when the specification says 0.</summary>
    public string ListensAt() => _socket.LocalEndPoint!.ToString()!;

    /// <summary>Accepts until disposed. Never throws.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var connections = new List<Task>();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await _slots.WaitAsync(stop).ConfigureAwait(false);
                var client = await _socket.AcceptAsync(stop).ConfigureAwait(false);
                connections.RemoveAll(static c => c.IsCompleted);
                connections.Add(ServeAsync(client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // A connection that broke before it was accepted, or the end.
                if (e is SocketException)
                {
                    _slots.Release();
                }
            }
        }

        await Task.WhenAll(connections).ConfigureAwait(false);
    }

    /// <summary>Counters now.</summary>
    public LinkCounters Counters()
    {
        var connections = Connections();
        return new LinkCounters(
            spec.Name, connections.Length, Volatile.Read(ref _accepted), Volatile.Read(ref _acceptedStalled),
            Sum(_up, connections.Select(c => c.Up)), Sum(_down, connections.Select(c => c.Down)));
    }

    /// <summary>Applies what new rules mean for living connections at once.</summary>
    public void Obey(RuleSnapshot rules)
    {
        foreach (var connection in Connections())
        {
            connection.Obey(rules);
        }
    }

    /// <summary>Stops listening and resets every connection.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        foreach (var connection in Connections())
        {
            connection.Abort();
        }
    }

    private async Task ServeAsync(Socket client)
    {
        client.NoDelay = true;
        var connection = new LinkConnection(
            board, client, spec.Target, new Flow(_upPair, _up), new Flow(_downPair, _down));
        var rules = board.Current;
        Interlocked.Increment(ref _accepted);
        if (rules.Of(_upPair).Stalls || rules.Of(_downPair).Stalls)
        {
            Interlocked.Increment(ref _acceptedStalled);
        }

        lock (_lock)
        {
            _connections.Add(connection);
        }

        try
        {
            await connection.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            connection.Abort();
            lock (_lock)
            {
                _connections.Remove(connection);
            }

            _slots.Release();
        }
    }

    private LinkConnection[] Connections()
    {
        lock (_lock)
        {
            return [.. _connections];
        }
    }

    private static FlowCounters Sum(FlowTotals totals, IEnumerable<Flow> flows)
    {
        long waiting = 0;
        var held = 0;
        foreach (var flow in flows.Where(f => f.IsHeld))
        {
            waiting += flow.WaitingBytes();
            held++;
        }

        return new FlowCounters(totals.Bytes, waiting, held);
    }
}
