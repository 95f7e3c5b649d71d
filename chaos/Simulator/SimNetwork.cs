namespace Testbed.Simulator;

/// <summary>
/// Streams as TCP gives them: in order within a direction, delayed, held up by losses, broken with what is
/// under way, opened again. A blocked link keeps what is sent until it is mended, or until the opener's pings
/// run out.
/// </summary>
internal sealed class SimNetwork
{
    private const long FirstPauseMicros = 20_000;
    private const long LongestPauseMicros = 500_000;
    private const long PatienceMicros = 1_000_000;
    private const long KeepAliveMicros = 3_000_000;
    private const long RetransmitMicros = 200_000;
    private const long SlowestMicros = 100_000;

    private readonly SimCluster _cluster;
    private readonly SimLink[] _links;
    private readonly List<SimStream> _streams = [];
    private readonly int _processes;
    private long _epochs;
    private int _connections;

    public SimNetwork(SimCluster cluster, int processes)
    {
        _cluster = cluster;
        _processes = processes;
        _links = new SimLink[processes * processes];
        for (var i = 0; i < _links.Length; i++)
        {
            _links[i] = new SimLink(SimRandom.For(cluster.Shape.Seed, Concern.Link, i));
        }
    }

    /// <summary>Streams, by number.</summary>
    public IReadOnlyList<SimStream> Streams => _streams;

    /// <summary>Frames that were delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>Streams that broke.</summary>
    public long Breaks { get; private set; }

    /// <summary>The way from one process to another.</summary>
    public SimLink Link(int from, int to) => _links[(from * _processes) + to];

    /// <summary>A stream that its opener opens when it starts.</summary>
    public void AddStream(int opener, int target, bool ofClient)
    {
        var id = (opener * _processes) + target;
        _streams.Add(new SimStream(
            _streams.Count, opener, target, ofClient, SimRandom.For(_cluster.Shape.Seed, Concern.Stream, id)));
    }

    /// <summary>Sends a frame; lost when the stream is no longer open at the sender.</summary>
    public void Send(SimStream stream, int direction, long epoch, byte[] frame)
    {
        var open = direction == SimStream.Forward ? stream.OpenEpoch : stream.AcceptEpoch;
        if (open != epoch || (stream.CutEpoch == epoch && _cluster.Now > stream.CutMicros))
        {
            return;
        }

        ref var half = ref stream.Of(direction);
        var arrival = _cluster.Now + Delay(Link(stream.From(direction), stream.To(direction)), losses: true);
        half.LastArrival = Math.Max(half.LastArrival, arrival);
        _cluster.Queue.Add(half.LastArrival, EventKind.Frame, stream.Index, direction, epoch, frame);
    }

    /// <summary>A process has started: it opens its streams.</summary>
    public void OpenAll(int process)
    {
        foreach (var stream in _streams)
        {
            if (stream.Opener == process)
            {
                stream.OpenEpoch = 0;
                stream.PauseMicros = FirstPauseMicros;
                PlanAttempt(stream, stream.Random.Below(2_000));
            }
            else if (stream.Target == process)
            {
                stream.AcceptEpoch = 0;
            }
        }
    }

    /// <summary>
    /// A process is gone. Its system tells the other ends, after everything that was sent; when the machine
    /// went with it, nobody does, and the others find out by themselves.
    /// </summary>
    public void CloseAll(int process, bool silent)
    {
        foreach (var stream in _streams)
        {
            var ends = stream.Opener == process ? stream.OpenEpoch : stream.Target == process ? stream.AcceptEpoch : 0;
            if (silent && ends != 0)
            {
                // Nobody sends again what was lost on its way.
                stream.CutEpoch = ends;
                stream.CutMicros = _cluster.Now + stream.Random.Below(2 * _cluster.Shape.LinkMicros);
            }

            if (stream.Opener == process && stream.OpenEpoch != 0)
            {
                var told = Math.Max(stream.Of(SimStream.Forward).LastArrival, _cluster.Now + Hop(stream, 0))
                    + (silent ? KeepAliveMicros : 0);
                _cluster.Queue.Add(told + 1, EventKind.LostAtTarget, stream.Index, c: stream.OpenEpoch);
                stream.OpenEpoch = 0;
                Breaks++;
            }
            else if (stream.Target == process)
            {
                if (stream.OpenEpoch != 0)
                {
                    var told = _cluster.Now + Hop(stream, 1) + (silent ? stream.Random.Below(KeepAliveMicros) : 0);
                    _cluster.Queue.Add(told, EventKind.LostAtOpener, stream.Index, c: stream.OpenEpoch);
                    Breaks++;
                }

                stream.AcceptEpoch = 0;
            }

            stream.Of(SimStream.Forward).Parked.Clear();
            stream.Of(SimStream.Backward).Parked.Clear();
        }
    }

    /// <summary>
    /// A stream breaks: what is under way arrives or not, up to a moment. Half open, one end learns late.
    /// </summary>
    public void Break(SimStream stream, bool halfOpen)
    {
        if (stream.OpenEpoch == 0)
        {
            return;
        }

        Breaks++;
        var epoch = stream.OpenEpoch;
        stream.CutEpoch = epoch;
        stream.CutMicros = _cluster.Now + stream.Random.Below(2 * _cluster.Shape.LinkMicros);
        var opener = stream.CutMicros + stream.Random.Below(2_000);
        var target = stream.CutMicros + stream.Random.Below(5_000);
        if (halfOpen && stream.Random.OneIn(2))
        {
            opener += stream.Random.Below(KeepAliveMicros);
        }
        else if (halfOpen)
        {
            target += stream.Random.Below(2 * KeepAliveMicros);
        }

        _cluster.Queue.Add(opener, EventKind.LostAtOpener, stream.Index, c: epoch);
        _cluster.Queue.Add(target, EventKind.LostAtTarget, stream.Index, c: epoch);
    }

    /// <summary>Breaks the stream that one process has opened to another.</summary>
    public void BreakBetween(int opener, int target)
    {
        foreach (var stream in _streams)
        {
            if (stream.Opener == opener && stream.Target == target)
            {
                Break(stream, halfOpen: false);
            }
        }
    }

    /// <summary>Blocks a link, or takes one block away.</summary>
    public void Block(int from, int to, bool block)
    {
        var link = Link(from, to);
        link.Blocks += block ? 1 : -1;
        if (block ? link.Blocks > 1 : link.Blocks > 0)
        {
            return;
        }

        foreach (var stream in _streams)
        {
            for (var direction = 0; direction < 2; direction++)
            {
                if (stream.From(direction) != from || stream.To(direction) != to)
                {
                    continue;
                }

                if (block)
                {
                    WatchKeepAlive(stream);
                }
                else
                {
                    PlanUnpark(stream, direction);
                }
            }
        }
    }

    /// <summary>A process stands still: those who ping it find out when it takes long.</summary>
    public void Paused(int process)
    {
        foreach (var stream in _streams)
        {
            if (stream.Target == process)
            {
                WatchKeepAlive(stream);
            }
        }
    }

    /// <summary>Handles a network event.</summary>
    public void Handle(in SimEvent happened)
    {
        var stream = _streams[happened.A];
        switch (happened.Kind)
        {
            case EventKind.Frame:
                Arrive(stream, happened.B, happened.C, (byte[])happened.Subject!);
                break;
            case EventKind.Unpark:
                Unpark(stream, happened.B);
                break;
            case EventKind.Attempt:
                Attempt(stream, happened.C);
                break;
            case EventKind.Accept:
                Accept(stream, happened.C);
                break;
            case EventKind.Welcome:
                Welcome(stream, happened.C);
                break;
            case EventKind.AttemptFailed:
                AttemptFailed(stream, happened.C);
                break;
            case EventKind.LostAtOpener:
                LostAtOpener(stream, happened.C);
                break;
            case EventKind.LostAtTarget:
                LostAtTarget(stream, happened.C);
                break;
            default:
                CheckKeepAlive(stream, happened.C);
                break;
        }
    }

    private void Arrive(SimStream stream, int direction, long epoch, byte[] frame)
    {
        if (stream.CutEpoch == epoch && _cluster.Now > stream.CutMicros)
        {
            return;
        }

        ref var half = ref stream.Of(direction);
        if (half.Parked.Count > 0 || Link(stream.From(direction), stream.To(direction)).Blocks > 0)
        {
            half.Parked.Enqueue((epoch, frame));
            return;
        }

        Deliver(stream, direction, epoch, frame);
    }

    private void Deliver(SimStream stream, int direction, long epoch, byte[] frame)
    {
        var open = direction == SimStream.Forward ? stream.AcceptEpoch : stream.OpenEpoch;
        if (open != epoch)
        {
            return;
        }

        Delivered++;
        _cluster.Process(stream.To(direction)).Deliver(new SimInput
        {
            Kind = SimInputKind.Frame,
            Stream = stream,
            Connection = stream.Connection,
            Frame = frame,
        });
    }

    private void PlanUnpark(SimStream stream, int direction)
    {
        ref var half = ref stream.Of(direction);
        if (half.Parked.Count > 0 && !half.UnparkPlanned)
        {
            half.UnparkPlanned = true;
            _cluster.Queue.Add(
                _cluster.Now + stream.Random.Below(RetransmitMicros), EventKind.Unpark, stream.Index, direction);
        }
    }

    private void Unpark(SimStream stream, int direction)
    {
        ref var half = ref stream.Of(direction);
        half.UnparkPlanned = false;
        if (Link(stream.From(direction), stream.To(direction)).Blocks > 0)
        {
            return;
        }

        while (half.Parked.TryDequeue(out var parked))
        {
            if (stream.CutEpoch != parked.Epoch || _cluster.Now <= stream.CutMicros)
            {
                Deliver(stream, direction, parked.Epoch, parked.Frame);
            }
        }
    }

    private void PlanAttempt(SimStream stream, long delay)
    {
        if (!stream.Attempting)
        {
            stream.Attempting = true;
            _cluster.Queue.Add(_cluster.Now + delay, EventKind.Attempt, stream.Index,
                c: _cluster.Process(stream.Opener).Life);
        }
    }

    private void Attempt(SimStream stream, long life)
    {
        var opener = _cluster.Process(stream.Opener);
        stream.Attempting = false;
        if (!opener.Alive || stream.OpenEpoch != 0)
        {
            return;
        }

        if (opener.Life != life)
        {
            PlanAttempt(stream, stream.Random.Below(2_000));
            return;
        }

        stream.Attempting = true;
        stream.AttemptLife = life;
        if (opener.IsPaused)
        {
            // When everything heals the pause ends, too.
            var resumes = Math.Min(opener.PausedUntil, Math.Max(_cluster.Now, _cluster.Shape.FaultyMicros));
            _cluster.Queue.Add(resumes + 1, EventKind.Attempt, stream.Index, c: life);
        }
        else if (!_cluster.Process(stream.Target).Alive && !IsBlocked(stream))
        {
            _cluster.Queue.Add(
                _cluster.Now + Hop(stream, 0) + Hop(stream, 1), EventKind.AttemptFailed, stream.Index, c: life);
        }
        else if (IsBlocked(stream) || _cluster.Process(stream.Target).IsPaused)
        {
            _cluster.Queue.Add(_cluster.Now + PatienceMicros, EventKind.AttemptFailed, stream.Index, c: life);
        }
        else
        {
            var takes = Hop(stream, 0) + Hop(stream, 1) + Hop(stream, 0);
            if (takes >= PatienceMicros)
            {
                _cluster.Queue.Add(_cluster.Now + PatienceMicros, EventKind.AttemptFailed, stream.Index, c: life);
                return;
            }

            _cluster.Queue.Add(_cluster.Now + takes, EventKind.Accept, stream.Index, c: ++_epochs);
        }
    }

    private void Accept(SimStream stream, long epoch)
    {
        var target = _cluster.Process(stream.Target);
        var opener = _cluster.Process(stream.Opener);
        if (!target.Alive || target.IsPaused || IsBlocked(stream))
        {
            _cluster.Queue.Add(
                _cluster.Now + PatienceMicros, EventKind.AttemptFailed, stream.Index, c: opener.Life);
            return;
        }

        if (stream.AcceptEpoch != 0)
        {
            LostAtTarget(stream, stream.AcceptEpoch);
        }

        stream.AcceptEpoch = epoch;
        stream.Connection = ++_connections;
        stream.Of(SimStream.Forward).LastArrival = 0;
        stream.Of(SimStream.Backward).LastArrival = 0;
        target.Deliver(new SimInput
        {
            Kind = SimInputKind.Opened, Stream = stream, Connection = stream.Connection, Epoch = epoch,
        });
        _cluster.Queue.Add(_cluster.Now + Hop(stream, 1), EventKind.Welcome, stream.Index, c: epoch);
    }

    private void Welcome(SimStream stream, long epoch)
    {
        var opener = _cluster.Process(stream.Opener);
        stream.Attempting = false;
        if (stream.AcceptEpoch != epoch || !opener.Alive || opener.Life != stream.AttemptLife || stream.OpenEpoch != 0)
        {
            // One of the two ended meanwhile, perhaps to live again.
            if (stream.AcceptEpoch == epoch)
            {
                LostAtTarget(stream, epoch);
            }

            if (opener.Alive && stream.OpenEpoch == 0)
            {
                PlanAttempt(stream, Pause(stream));
            }

            return;
        }

        stream.OpenEpoch = epoch;
        stream.PauseMicros = FirstPauseMicros;
        opener.Deliver(new SimInput { Kind = SimInputKind.LinkUp, Stream = stream, Epoch = epoch });
        if (IsBlocked(stream))
        {
            WatchKeepAlive(stream);
        }
    }

    private void AttemptFailed(SimStream stream, long life)
    {
        var opener = _cluster.Process(stream.Opener);
        stream.Attempting = false;
        if (!opener.Alive || stream.OpenEpoch != 0)
        {
            return;
        }

        if (stream.OfClient && opener.Life == life)
        {
            // A client's host reports every failed attempt.
            opener.Deliver(new SimInput { Kind = SimInputKind.LinkDown, Stream = stream });
        }

        PlanAttempt(stream, Pause(stream));
        stream.PauseMicros = Math.Min(2 * stream.PauseMicros, LongestPauseMicros);
    }

    private void LostAtOpener(SimStream stream, long epoch)
    {
        if (stream.OpenEpoch != epoch)
        {
            return;
        }

        stream.OpenEpoch = 0;
        _cluster.Process(stream.Opener).Deliver(new SimInput { Kind = SimInputKind.LinkDown, Stream = stream });
        PlanAttempt(stream, Pause(stream));
    }

    private void LostAtTarget(SimStream stream, long epoch)
    {
        if (stream.AcceptEpoch == epoch)
        {
            stream.AcceptEpoch = 0;
            _cluster.Process(stream.Target).Deliver(new SimInput
            {
                Kind = SimInputKind.Closed, Stream = stream, Connection = stream.Connection,
            });
        }
    }

    private void WatchKeepAlive(SimStream stream)
    {
        if (stream.OpenEpoch != 0)
        {
            _cluster.Queue.Add(
                _cluster.Now + KeepAliveMicros, EventKind.KeepAlive, stream.Index, c: stream.OpenEpoch);
        }
    }

    // The target hears nothing either, but nothing tells it: it drops the stream when a newer one comes.
    private void CheckKeepAlive(SimStream stream, long epoch)
    {
        if (stream.OpenEpoch == epoch && (IsBlocked(stream) || _cluster.Process(stream.Target).IsPaused))
        {
            Breaks++;
            LostAtOpener(stream, epoch);
        }
    }

    private bool IsBlocked(SimStream stream) =>
        Link(stream.Opener, stream.Target).Blocks > 0 || Link(stream.Target, stream.Opener).Blocks > 0;

    private long Hop(SimStream stream, int direction) =>
        Delay(Link(stream.From(direction), stream.To(direction)), losses: false);

    private static long Pause(SimStream stream) =>
        (stream.PauseMicros / 2) + stream.Random.Below((stream.PauseMicros / 2) + 1);

    // Most frames take about the usual time, a few ten times as long; a lost one waits to be sent again.
    private long Delay(SimLink link, bool losses)
    {
        var bits = link.Random.Next();
        var usual = Math.Min(_cluster.Shape.LinkMicros * link.Slowness, SlowestMicros);
        var delay = 1 + (usual / 2) + (long)Math.BigMul(bits, (ulong)usual, out _);
        if ((bits & 63) == 0)
        {
            delay *= 10;
        }

        if (losses && !_cluster.Healed && _cluster.Shape.LossOneIn + link.LossOneIn > 0)
        {
            var lost = (_cluster.Shape.LossOneIn > 0 && link.Random.OneIn(_cluster.Shape.LossOneIn))
                || (link.LossOneIn > 0 && link.Random.OneIn(link.LossOneIn));
            delay += lost ? RetransmitMicros + link.Random.Below(RetransmitMicros) : 0;
        }

        return delay;
    }
}
