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
    private bool _hasVoted;
    private (int UpTo, int Needs) _toRelease;
    private int _released;

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
        Core = new EccNodeCore(Options(), Store);

        // How much of what was released really went is the log's business.
        Replay(Core, _released == 0 ? 0 : (int)pump.Random.Below(_released + 1));
        if (_released > 0)
        {
            CompareWithWholeLog();
        }

        Core.Start(Now, this);
        Core.Flush(this);
        AfterBatch();
    }

    private EccOptions Options() =>
        new()
        {
            Self = new NodeId((byte)index),
            Nodes = pump.Settings.Nodes,
            DataElements = pump.Settings.DataElements,
            Seed = pump.Settings.Seed + (ulong)index,
            Mutants = pump.Settings.Mutants,
            TestLie = pump.Settings.Lie && index == 0,
            DigestIntervalMicros = 200_000,
            TinyValueBytes = 16,
            Volatile = pump.Settings.Volatile,
            Nonce = ((ulong)(index + 1) << 32) + (ulong)Life,
            Rejoins = _hasVoted,
            RebuildBytesPerSecond = pump.Settings.RebuildBytesPerSecond,
            RebuildKeysPerPage = 2,
            CheckpointBytes = pump.Settings.CheckpointBytes,
            OrphanAgeMicros = pump.Settings.OrphanAgeMicros,
            CheckpointBytesPerTick = 500,
        };

    private void Replay(EccNodeCore core, int from)
    {
        for (var i = from; i < _log.Count; i++)
        {
            core.Recover(_log[i].Type, _log[i].Payload);
        }
    }

    /// <summary>What a node takes back from a log written anew is what the whole log gives.</summary>
    private void CompareWithWholeLog()
    {
        var whole = new EccNodeCore(Options(), new KvStore());
        Replay(whole, 0);
        for (var key = 0; key < pump.Settings.Keys; key++)
        {
            var bytes = PumpClient.KeyBytes(key);
            Assert.Equal(Picture(whole.Replica, bytes), Picture(Core!.Replica, bytes));
        }

        Assert.Equal(whole.Readiness.Incarnation, Core!.Readiness.Incarnation);
        Assert.Equal(whole.Readiness.ReadySlots, Core.Readiness.ReadySlots);
        pump.ComparedLogs++;
    }

    private static string Picture(Replica replica, byte[] key)
    {
        var hash = EccCode.HashOf(key);
        replica.Store.TryGet(key, out var header, out var payload);
        var held = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = replica.Held.First(key, hash); i >= 0; i = replica.Held.Next(i, key, hash))
        {
            held.Add($"{replica.Held.VersionAt(i)} {Convert.ToHexString(replica.Held.BlobAt(i))}");
        }

        return $"{header} {Convert.ToHexString(payload)} held {string.Join(", ", held)}";
    }

    internal CoreTime Now => new(pump.Now, EccPump.WallBase + pump.Now + ClockOffset);

    /// <summary>kill -9 and loss of everything not durable.</summary>
    internal void Crash()
    {
        Core = null;
        _log.RemoveRange(_durable, _log.Count - _durable);
        _gated.Clear();
        _syncing = false;
        _toRelease = default;
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
        _hasVoted |= Core!.HasPart;
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
        _released = _toRelease.Needs <= _durable ? Math.Max(_released, _toRelease.UpTo) : _released;
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

    public void Release(LogSequence upTo) => _toRelease = ((int)upTo.Value, _log.Count);
}
