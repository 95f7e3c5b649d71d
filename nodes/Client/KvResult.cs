namespace Testbed.Client;

/// <summary>How one awaited operation ended.</summary>
/// <param name="Outcome">What is known about its effect.</param>
/// <param name="Value">The value of a get that is ok; immutable, may be kept.</param>
/// <param name="Entries">The answer of a scan that is ok; null otherwise.</param>
/// <param name="Reason">A constant phrase that says why it failed or is unknown; null when neither.</param>
/// <param name="Rounds">Message rounds it took.</param>
/// <param name="Degraded">True when the answer needed a parity element, or the write was stored narrower than
/// k.</param>
public readonly record struct KvResult(
    Outcome Outcome, ReadOnlyMemory<byte> Value, IReadOnlyList<KeyValue>? Entries, string? Reason,
    byte Rounds, bool Degraded);
