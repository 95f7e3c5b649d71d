using Testbed.Ecc;
using Testbed.Store;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// A node process of the pump: the core, a log that keeps only durable records over a crash, and gated
/// messages.
/// </summary>
internal sealed class PumpNode(EccPump pump, int index) : ICoreOutput
{
    private readonly List<(byte Type, byte[] Payload)> _log = [];
    private readonly Queue<(Endpoint To, byte[] Message, long After)> _gated = new();
    private byte[] _buffer = [];
    private Endpoint _to;
    private bool _afterDurable;
    private int _durable;
    private bool _syncing;

    internal int Index => index;

    internal EccNodeCore? Core { get; private set; }

    internal KvStore Store { get; private set; } = new();

    internal bool Alive => Core is not null;

    /// <summary>Number of the process's life; connections belong to one.</summary>
    internal int Life { get; private set; }

    internal long PausedUntil { get; set; }

    internal long ClockOffset { get; init; }

    internal void Boot()
    {
        Life++;
        Store = new KvStore();
        Core = new EccNodeCore(
            new EccOptions
            {
                Self = new NodeId((byte)index),
                Nodes = pump.Settings.Nodes,
                DataElements = pump.Settings.DataElements,
                Seed = pump.Settings.Seed + (ulong)index,
                Mutants = pump.Settings.Mutants,
                TestLie = pump.Settings.Lie && index == 0,
                DigestIntervalMicros = 200_000,
                TinyValueBytes = 16,
            },
            Store);
        foreach (var (type, payload) in _log)
        {
            Core.Recover(type, payload);
        }

        Core.Start(Now, this);
        Core.Flush(this);
        AfterBatch();
    }

    internal CoreTime Now => new(pump.Now, EccPump.WallBase + pump.Now + ClockOffset);

    /// <summary>kill -9 and loss of everything not durable.</summary>
    internal void Crash()
    {
        Core = null;
        _log.RemoveRange(_durable, _log.Count - _durable);
        _gated.Clear();
        _syncing = false;
        PausedUntil = 0;
    }

    internal void Run(Action<EccNodeCore> input)
    {
        Core!.Tick(Now, this);
        input(Core);
        Core.Flush(this);
        AfterBatch();
    }

    private void AfterBatch()
    {
        if (_log.Count > _durable && !_syncing)
        {
            _syncing = true;
            var upTo = _log.Count;
            var life = Life;
            pump.After(pump.Random.Below(pump.SyncMicros) + 1, () =>
            {
                if (Life == life && Alive)
                {
                    Synced(upTo);
                }
            });
        }
    }

    private void Synced(int upTo)
    {
        if (PausedUntil > pump.Now)
        {
            var life = Life;
            pump.After(PausedUntil - pump.Now, () =>
            {
                if (Life == life && Alive)
                {
                    Synced(upTo);
                }
            });
            return;
        }

        _durable = upTo;
        _syncing = false;
        while (_gated.TryPeek(out var first) && first.After <= _durable)
        {
            _gated.Dequeue();
            pump.SendFromNode(this, first.To, first.Message);
        }

        Run(core => core.StorageDone(new LogSequence(upTo), this));
    }

    public Span<byte> Begin(Endpoint to, int maxBytes) => Room(to, maxBytes, false);

    public Span<byte> BeginAfterDurable(Endpoint to, int maxBytes) => Room(to, maxBytes, true);

    private Span<byte> Room(Endpoint to, int maxBytes, bool afterDurable)
    {
        _to = to;
        _afterDurable = afterDurable;
        _buffer = new byte[maxBytes];
        return _buffer;
    }

    public void End(int writtenBytes)
    {
        if (writtenBytes == 0)
        {
            return;
        }

        var message = _buffer[..writtenBytes];
        if (_afterDurable && _log.Count > _durable)
        {
            _gated.Enqueue((_to, message, _log.Count));
        }
        else
        {
            pump.SendFromNode(this, _to, message);
        }
    }

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        byte[] payload = [.. head, .. body];
        _log.Add((recordType, payload));
        return new LogSequence(_log.Count);
    }

    public void Release(LogSequence upTo)
    {
        // A hint: this log keeps everything.
    }
}
