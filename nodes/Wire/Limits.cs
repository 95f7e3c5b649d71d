namespace Testbed.Wire;

/// <summary>
/// Bounds that hold on every stream. A peer or client that exceeds one loses that stream, nothing else.
/// </summary>
public static class Limits
{
    /// <summary>Longest key in bytes; the shortest is 1.</summary>
    public const int KeyBytes = 1024;

    /// <summary>Largest value in bytes.</summary>
    public const int ValueBytes = 16 * 1024 * 1024;

    /// <summary>Largest message: one value, one key and room for headers.</summary>
    public const int MessageBytes = ValueBytes + 64 * 1024;

    /// <summary>Largest frame: one message of the largest size.</summary>
    public const int FrameBytes = MessageBytes + 64;

    /// <summary>
    /// A frame is sent once it reaches this size; a single larger message makes a larger frame.
    /// </summary>
    public const int FrameTargetBytes = 64 * 1024;

    /// <summary>Most keys one scan may ask for.</summary>
    public const int ScanKeys = 10_000;

    /// <summary>
    /// A session's writes are numbered; none is sent while one so many numbers before it is unanswered.
    /// </summary>
    public const int SessionWindow = 16_384;

    /// <summary>Most nodes in a cluster.</summary>
    public const int Nodes = 32;
}

/// <summary>
/// First byte of every message. Ranges keep the rooms apart: 1-15 common, 16-47 Raft, 48-95 ECC.
/// </summary>
public static class MessageTypes
{
    /// <summary>A <see cref="KvRequest"/>.</summary>
    public const byte KvRequest = 1;

    /// <summary>A <see cref="KvReply"/>.</summary>
    public const byte KvReply = 2;

    /// <summary>A <see cref="FrameHello"/>.</summary>
    public const byte Hello = 3;

    /// <summary>First type of the Raft range (16-47).</summary>
    public const byte RaftFirst = 16;

    /// <summary>First type of the ECC range (48-95).</summary>
    public const byte EccFirst = 48;
}
