using System.Net.Sockets;

namespace Testbed.Links;

/// <summary>An address could not be listened on; the message is one line for a person.</summary>
internal sealed class AddressTakenException(string message) : Exception(message);

/// <summary>All links of a cluster and the rules they obey.</summary>
internal sealed class ProxyServer : IAsyncDisposable
{
    private readonly LinkListener[] _listeners;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private bool _disposed;

    public ProxyServer(IReadOnlyList<LinkSpec> links)
    {
        Board = new RuleBoard(links);
        _listeners = [.. links.Select(l => new LinkListener(l, Board))];
    }

    /// <summary>The rules.</summary>
    public RuleBoard Board { get; }

    /// <summary>The links.</summary>
    public IReadOnlyList<LinkListener> Links => _listeners;

    /// <summary>Takes every address; throws <see cref="AddressTakenException"/> at the first that is taken.</summary>
    public void Bind()
    {
        foreach (var listener in _listeners)
        {
            try
            {
                listener.Bind();
            }
            catch (SocketException e)
            {
                throw new AddressTakenException(
                    $"cannot listen on {listener.Spec.Listen} (link {listener.Spec.Name}): {e.Message}");
            }
        }
    }

    /// <summary>Begins to accept on every address.</summary>
    public void Start() => _running = Task.WhenAll(_listeners.Select(l => l.RunAsync(_stop.Token)));

    /// <summary>Puts these rules in the place of all former ones, for living connections too.</summary>
    public void Apply(IReadOnlyDictionary<string, LinkRule> rules)
    {
        Board.Swap(rules);
        foreach (var listener in _listeners)
        {
            listener.Obey(Board.Current);
        }
    }

    /// <summary>Counters of every link, in the order of the command line.</summary>
    public IEnumerable<LinkCounters> Counters() => _listeners.Select(l => l.Counters());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var listener in _listeners)
        {
            listener.Dispose();
        }

        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }
}
