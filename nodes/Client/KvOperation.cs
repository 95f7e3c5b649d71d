namespace Testbed.Client;

/// <summary>What a client asks of the cluster.</summary>
public enum OperationKind : byte
{
    /// <summary>Linearizable read of one key.</summary>
    Get = 0,

    /// <summary>Write of one key.</summary>
    Put = 1,

    /// <summary>Removal of one key.</summary>
    Delete = 2,

    /// <summary>
    /// Up to <see cref="KvOperation.ScanLimit"/> present keys in byte order, from the given key on.
    /// </summary>
    Scan = 3,

    /// <summary>
    /// Write of one key if it holds <see cref="KvOperation.Expected"/>, or if it is absent. Raft only: ecc fails it
    /// with the reason.
    /// </summary>
    CompareAndSet = 4,
}

/// <summary>What is known about an operation when it ends.</summary>
public enum Outcome : byte
{
    /// <summary>It took effect exactly once, or the read saw a value.</summary>
    Ok = 0,

    /// <summary>A get that proved the key absent.</summary>
    NotFound = 1,

    /// <summary>It certainly had and will have no effect.</summary>
    Failed = 2,

    /// <summary>It may have taken effect, now or later.</summary>
    Unknown = 3,

    /// <summary>A compare-and-set that met another value than it expected: no effect.</summary>
    PreconditionFailed = 4,
}

/// <summary>A key and its value in a scan's answer; both immutable.</summary>
public readonly record struct KeyValue(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

/// <summary>
/// One operation, allocated once and used again after each completion. The owner fills the request, submits,
/// and gets
/// <see cref="OnCompleted"/> on the client's loop; until then the request must not change.
/// </summary>
public abstract class KvOperation
{
    /// <summary>What to do.</summary>
    public OperationKind Kind { get; set; }

    /// <summary>1 to 1,024 bytes; for a scan the first key, may be empty.</summary>
    public ReadOnlyMemory<byte> Key { get; set; }

    /// <summary>The value of a put or compare-and-set.</summary>
    public ReadOnlyMemory<byte> Value { get; set; }

    /// <summary>True: a compare-and-set needs the key to hold <see cref="Expected"/>; false: to be absent.</summary>
    public bool ExpectsValue { get; set; }

    /// <summary>The value it must hold then; empty otherwise.</summary>
    public ReadOnlyMemory<byte> Expected { get; set; }

    /// <summary>Most keys a scan returns.</summary>
    public int ScanLimit { get; set; }

    /// <summary>
    /// After this time the operation ends as <see cref="Outcome.Unknown"/> (a get: failed, it has no effect).
    /// </summary>
    public long TimeoutMicros { get; set; } = 1_000_000;

    /// <summary>How it ended.</summary>
    public Outcome Outcome { get; internal set; }

    /// <summary>The value of a get that is ok; immutable, may be kept.</summary>
    public ReadOnlyMemory<byte> Result { get; internal set; }

    /// <summary>The answer of a scan that is ok; null otherwise.</summary>
    public IReadOnlyList<KeyValue>? Entries { get; internal set; }

    /// <summary>A constant phrase that says why it failed or is unknown; null when neither.</summary>
    public string? Reason { get; internal set; }

    /// <summary>Message rounds it took.</summary>
    public byte Rounds { get; internal set; }

    /// <summary>
    /// True when the answer needed a parity element, or the write was stored narrower than k.
    /// </summary>
    public bool Degraded { get; internal set; }

    /// <summary>The next operation of the client's submission stack; the client's while submitted.</summary>
    internal KvOperation? Next { get; set; }

    /// <summary>When it times out, in the client's monotonic microseconds; set on submission.</summary>
    internal long DeadlineMicros { get; set; }

    /// <summary>Called once per submission, on the client's loop; must not block. May submit again.</summary>
    protected internal abstract void OnCompleted();

    /// <summary>
    /// For clients outside this assembly (tests, no-op client): sets the outcome and calls <see
    /// cref="OnCompleted"/>.
    /// </summary>
    public void CompleteAs(Outcome outcome, ReadOnlyMemory<byte> result = default, string? reason = null)
    {
        Outcome = outcome;
        Result = result;
        Reason = reason;
        Entries = null;
        Rounds = 0;
        Degraded = false;
        OnCompleted();
    }
}
