namespace Testbed.Tests.Unit.Raft;

/// <summary>
/// Streams between parties (nodes first, then clients): each direction keeps order, a break loses what is
/// under way, and a new stream follows later. Random delays reorder messages of different streams.
/// </summary>
internal sealed class PumpNetwork
{
    private readonly Pump _pump;
    private readonly int _parties;
    private readonly Stream[] _streams;

    public PumpNetwork(Pump pump, int parties)
    {
        _pump = pump;
        _parties = parties;
        _streams = new Stream[parties * parties];
        for (var i = 0; i < _streams.Length; i++)
        {
            _streams[i] = new Stream();
        }
    }

    /// <summary>Cut pairs: no stream opens, and messages are lost or stuck.</summary>
    public bool IsCut(int a, int b) => Of(a, b).CutUntil > _pump.Now;

    public void Send(int from, int to, byte[] message)
    {
        var stream = Of(from, to);
        if (!stream.Up)
        {
            return;
        }

        var forward = from < to;
        var stalled = forward ? stream.StalledForward : stream.StalledBackward;
        var start = long.Max(_pump.Now, stalled);
        var last = forward ? stream.LastForward : stream.LastBackward;
        var arrival = long.Max(last, start + _pump.Draw(_pump.Plan.LinkDelayMicros) + 1);
        if (forward)
        {
            stream.LastForward = arrival;
        }
        else
        {
            stream.LastBackward = arrival;
        }

        var epoch = stream.Epoch;
        _pump.At(arrival, () =>
        {
            if (stream.Epoch == epoch)
            {
                _pump.Party(to).Deliver(new PumpInput(PumpInputKind.Message, from, stream.Connection, message));
            }
        });
    }

    /// <summary>
    /// Opens the stream when both ends live and nothing cuts them; otherwise tries again later.
    /// </summary>
    public void Open(int a, int b)
    {
        var stream = Of(a, b);
        if (stream.Up || stream.Opening)
        {
            return;
        }

        stream.Opening = true;
        _pump.After(4_000 + _pump.Draw(20_000), () =>
        {
            stream.Opening = false;
            if (!_pump.Party(a).Alive || !_pump.Party(b).Alive)
            {
                return;
            }

            if (IsCut(a, b))
            {
                Open(a, b);
                return;
            }

            (stream.Up, stream.Connection) = (true, _pump.NextConnection());
            Announce(PumpInputKind.LinkUp, a, b, stream.Connection);
        });
    }

    /// <summary>
    /// Breaks the stream: what is under way is lost, both ends hear of it, a new one is tried.
    /// </summary>
    public void Break(int a, int b)
    {
        var stream = Of(a, b);
        if (!stream.Up)
        {
            return;
        }

        stream.Up = false;
        stream.Epoch++;
        (stream.LastForward, stream.LastBackward) = (0, 0);
        Announce(PumpInputKind.LinkDown, a, b, stream.Connection);
        Open(a, b);
    }

    public void BreakAll(int party)
    {
        for (var other = 0; other < _parties; other++)
        {
            if (other != party)
            {
                Break(party, other);
            }
        }
    }

    public void OpenAll(int party)
    {
        for (var other = 0; other < _parties; other++)
        {
            if (other != party && (other < _pump.Plan.Nodes || party < _pump.Plan.Nodes))
            {
                Open(party, other);
            }
        }
    }

    /// <summary>No stream between the two until then; an open one breaks.</summary>
    public void Cut(int a, int b, long until)
    {
        Of(a, b).CutUntil = until;
        Break(a, b);
    }

    /// <summary>One direction delivers nothing until then, but the stream stays.</summary>
    public void Stall(int from, int to, long until)
    {
        var stream = Of(from, to);
        if (from < to)
        {
            stream.StalledForward = until;
        }
        else
        {
            stream.StalledBackward = until;
        }
    }

    private void Announce(PumpInputKind kind, int a, int b, int connection)
    {
        var toA = _pump.Draw(3_000);
        var toB = _pump.Draw(3_000);
        _pump.After(toA, () => _pump.Party(a).Deliver(new PumpInput(kind, b, connection, [])));
        _pump.After(toB, () => _pump.Party(b).Deliver(new PumpInput(kind, a, connection, [])));
    }

    private Stream Of(int a, int b) => _streams[int.Min(a, b) * _parties + int.Max(a, b)];

    private sealed class Stream
    {
        public bool Up;
        public bool Opening;
        public int Epoch;
        public int Connection;
        public long LastForward;
        public long LastBackward;
        public long StalledForward;
        public long StalledBackward;
        public long CutUntil;
    }
}

internal enum PumpInputKind
{
    Message,
    LinkUp,
    LinkDown,
    StorageDone,
}

/// <summary>One input of a party; for StorageDone the connection is the sequence.</summary>
internal readonly record struct PumpInput(PumpInputKind Kind, int From, int Connection, byte[] Message);

/// <summary>A node or client process with an inbox that is handled in batches.</summary>
internal abstract class PumpParty(Pump pump)
{
    private readonly Queue<PumpInput> _inbox = new();
    private bool _wakePending;

    public bool Alive { get; protected set; }

    public long PausedUntil { get; set; }

    public void Deliver(PumpInput input)
    {
        if (!Alive)
        {
            return;
        }

        _inbox.Enqueue(input);
        if (!_wakePending)
        {
            _wakePending = true;
            pump.After(pump.Draw(300), Wake);
        }
    }

    protected void Forget() => _inbox.Clear();

    protected abstract void Handle(Queue<PumpInput> inbox);

    protected void Loop()
    {
        if (Alive)
        {
            if (PausedUntil <= pump.Now)
            {
                Handle(_inbox);
            }

            pump.After(4_000 + pump.Draw(1_000), Loop, this);
        }
    }

    private void Wake()
    {
        _wakePending = false;
        if (!Alive)
        {
            return;
        }

        if (PausedUntil > pump.Now)
        {
            _wakePending = true;
            pump.At(PausedUntil, Wake);
        }
        else
        {
            Handle(_inbox);
        }
    }
}
