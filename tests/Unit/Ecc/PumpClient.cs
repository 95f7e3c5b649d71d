using System.Buffers.Binary;
using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// A client process of the pump: a few operations at a time, every one recorded in the history.
/// </summary>
internal sealed class PumpClient : IClientOutput
{
    private const int Slots = 3;
    private readonly EccPump _pump;
    private readonly Pending?[] _pending = new Pending?[Slots];
    private byte[] _buffer = [];
    private NodeId _to;

    internal PumpClient(EccPump pump, int number, long clockOffset)
    {
        _pump = pump;
        Number = number;
        ClockOffset = clockOffset;
        Core = new EccClientCore(new EccClientOptions
        {
            Nodes = pump.Settings.Nodes,
            DataElements = pump.Settings.DataElements,
            Seed = (pump.Settings.Seed * 1_000_003) + (ulong)number,
            MaxInFlight = Slots,
            Mutants = pump.Settings.Mutants,
            TinyValueBytes = 16,
            FixedWidth = pump.Settings.FixedWidth,
        });
    }

    private sealed record Pending(
        int Process, HistoryKind Kind, int Key, ulong Value, long Invoked, Action<ClientResult>? Then =
            null);

    internal EccClientCore Core { get; }

    internal int Number { get; }

    internal long ClockOffset { get; }

    internal bool Alive { get; private set; } = true;

    internal bool IsIdle => Array.TrueForAll(_pending, pending => pending is null);

    internal CoreTime Now => new(_pump.Now, EccPump.WallBase + _pump.Now + ClockOffset);

    internal static byte[] KeyBytes(int key) => System.Text.Encoding.ASCII.GetBytes($"key{key}");

    internal void Run(Action<EccClientCore> input)
    {
        Core.Tick(Now, this);
        input(Core);
    }

    internal bool TrySubmit(HistoryKind kind, int key, long timeoutMicros)
    {
        var slot = Array.FindIndex(_pending, pending => pending is null);
        if (slot < 0)
        {
            return false;
        }

        var value = kind == HistoryKind.Write ? _pump.NextValue() : 0UL;
        _pending[slot] = new Pending(_pump.NextProcess(), kind, key, value, _pump.NextInstant());
        var bytes = kind == HistoryKind.Write ? MakeValue(value) : [];
        var operation = new ClientOperation(
            kind switch { HistoryKind.Read => KvKind.Get, HistoryKind.Write => KvKind.Put,
                _ => KvKind.Delete },
            KeyBytes(key), bytes, 0, _pump.Now + timeoutMicros);
        Run(core => core.Submit(slot, operation, this));
        return true;
    }

    /// <summary>One operation outside the history, run to its end.</summary>
    internal ClientResult Execute(KvKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value =
        default,
        int scanLimit = 0, long timeoutMicros = 2_000_000)
    {
        var slot = Array.FindIndex(_pending, pending => pending is null);
        ClientResult? result = null;
        _pending[slot] = new Pending(0, HistoryKind.Read, 0, 0, 0, ended => result = ended);
        var operation = new ClientOperation(kind, key, value, scanLimit, _pump.Now + timeoutMicros);
        Run(core => core.Submit(slot, operation, this));
        _pump.RunUntil(() => result is not null, timeoutMicros + 100_000);
        return result!.Value;
    }

    private byte[] MakeValue(ulong value)
    {
        var length = _pump.Random.Below(8) == 0 ? 8 : 17 + (int)_pump.Random.Below(90);
        var bytes = new byte[length];
        var body = new SplitMix64(value);
        for (var i = 8; i < length; i++)
        {
            bytes[i] = (byte)body.Next();
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    /// <summary>Dies: what was under way stays indefinite.</summary>
    internal void Die()
    {
        Alive = false;
        for (var slot = 0; slot < Slots; slot++)
        {
            if (_pending[slot] is { } pending)
            {
                _pending[slot] = null;
                Record(pending, pending.Value, HistoryOutcome.Info);
            }
        }
    }

    public Span<byte> Begin(NodeId to, int maxBytes)
    {
        _to = to;
        _buffer = new byte[maxBytes];
        return _buffer;
    }

    public void End(int writtenBytes)
    {
        if (writtenBytes > 0)
        {
            _pump.SendFromClient(this, _to.Index, _buffer[..writtenBytes]);
        }
    }

    public void Complete(int slot, in ClientResult result)
    {
        var pending = _pending[slot] ?? throw new InvalidOperationException("completed twice");
        _pending[slot] = null;
        if (pending.Then is { } then)
        {
            then(result);
            return;
        }

        _pump.Count(result);
        if (result.Outcome is KvOutcome.Ok or KvOutcome.NotFound)
        {
            _pump.Completed(pending.Key, Core.Engine.LastVersion);
        }

        if (pending.Kind == HistoryKind.Read)
        {
            var read = result.Outcome == KvOutcome.Ok && result.Value.Length >= 8
                ? BinaryPrimitives.ReadUInt64LittleEndian(result.Value.Span)
                : 0;
            Record(pending, read, result.Outcome == KvOutcome.Failed
                ? HistoryOutcome.Info : HistoryOutcome.Ok);
            return;
        }

        Record(pending, pending.Value, result.Outcome switch
        {
            KvOutcome.Ok => HistoryOutcome.Ok,
            KvOutcome.Failed => HistoryOutcome.Fail,
            _ => HistoryOutcome.Info,
        });
    }

    private void Record(Pending pending, ulong value, HistoryOutcome outcome) =>
        _pump.History.Add(new HistoryOperation(
            pending.Process, pending.Kind, pending.Key, value, pending.Invoked, _pump.NextInstant(),
                outcome));
}
