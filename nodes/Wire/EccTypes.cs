namespace Testbed.Wire;

/// <summary>First bytes of the ECC strategy's messages.</summary>
public static class EccTypes
{
    /// <summary>An <see cref="EccPreWrite"/>.</summary>
    public const byte PreWrite = MessageTypes.EccFirst;

    /// <summary>An <see cref="EccPreWriteAck"/>.</summary>
    public const byte PreWriteAck = MessageTypes.EccFirst + 1;

    /// <summary>An <see cref="EccFetch"/> that finalises a version.</summary>
    public const byte Finalize = MessageTypes.EccFirst + 2;

    /// <summary>An <see cref="EccFetch"/> that only reads.</summary>
    public const byte Read = MessageTypes.EccFirst + 3;

    /// <summary>An <see cref="EccFetchReply"/>.</summary>
    public const byte FetchReply = MessageTypes.EccFirst + 4;

    /// <summary>An <see cref="EccScan"/>.</summary>
    public const byte Scan = MessageTypes.EccFirst + 5;

    /// <summary>An <see cref="EccScanReply"/>.</summary>
    public const byte ScanReply = MessageTypes.EccFirst + 6;

    /// <summary>An <see cref="EccRetract"/>.</summary>
    public const byte Retract = MessageTypes.EccFirst + 7;

    /// <summary>An <see cref="EccDigest"/>.</summary>
    public const byte Digest = MessageTypes.EccFirst + 8;

    /// <summary>An <see cref="EccDigestReply"/>.</summary>
    public const byte DigestReply = MessageTypes.EccFirst + 9;

    /// <summary>An <see cref="EccDigestPush"/>.</summary>
    public const byte DigestPush = MessageTypes.EccFirst + 10;

    /// <summary>An <see cref="EccRegister"/>.</summary>
    public const byte Register = MessageTypes.EccFirst + 11;

    /// <summary>An <see cref="EccRegisterReply"/>.</summary>
    public const byte RegisterReply = MessageTypes.EccFirst + 12;

    /// <summary>An <see cref="EccSlotScan"/>.</summary>
    public const byte SlotScan = MessageTypes.EccFirst + 13;

    /// <summary>An <see cref="EccSlotScanReply"/>.</summary>
    public const byte SlotScanReply = MessageTypes.EccFirst + 14;

    /// <summary>An <see cref="EccPull"/>.</summary>
    public const byte Pull = MessageTypes.EccFirst + 15;

    /// <summary>An <see cref="EccPullReply"/>.</summary>
    public const byte PullReply = MessageTypes.EccFirst + 16;

    /// <summary>An <see cref="EccRefusal"/>.</summary>
    public const byte Refusal = MessageTypes.EccFirst + 17;

    /// <summary>An <see cref="EccReset"/>.</summary>
    public const byte Reset = MessageTypes.EccFirst + 18;

    /// <summary>An <see cref="EccFence"/>.</summary>
    public const byte Fence = MessageTypes.EccFirst + 19;

    /// <summary>An <see cref="EccFenceReply"/>.</summary>
    public const byte FenceReply = MessageTypes.EccFirst + 20;
}
