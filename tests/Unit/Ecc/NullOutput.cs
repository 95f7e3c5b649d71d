using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>
/// Takes everything, keeps messages when asked to, and makes records durable only when told.
/// </summary>
internal sealed class NullOutput : ICoreOutput, IClientOutput
{
    private readonly byte[] _buffer = new byte[1 << 20];
    private Endpoint _to;
    private bool _afterDurable;
    private long _sequence;

    internal List<(Endpoint To, byte[] Message, bool AfterDurable)>? Sent { get; set; }

    internal List<(int Slot, ClientResult Result)> Results { get; } = [];

    internal List<(byte Type, byte[] Payload)> Records { get; } = [];

    public Span<byte> Begin(Endpoint to, int maxBytes) => Room(to, maxBytes, false);

    public Span<byte> BeginAfterDurable(Endpoint to, int maxBytes) => Room(to, maxBytes, true);

    public Span<byte> Begin(NodeId to, int maxBytes) => Room(Endpoint.Peer(to), maxBytes, false);

    private Span<byte> Room(Endpoint to, int maxBytes, bool afterDurable)
    {
        _to = to;
        _afterDurable = afterDurable;
        return _buffer.AsSpan(0, maxBytes);
    }

    public void End(int writtenBytes) => Sent?.Add((_to, _buffer[..writtenBytes], _afterDurable));

    public LogSequence Append(byte recordType, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        Records.Add((recordType, [.. head, .. body]));
        return new LogSequence(++_sequence);
    }

    public void Release(LogSequence upTo)
    {
        // A hint: this log keeps everything.
    }

    public void Complete(int slot, in ClientResult result) => Results.Add((slot, result));
}
