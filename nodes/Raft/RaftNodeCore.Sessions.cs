namespace Testbed.Raft;

/// <summary>Client sessions as part of the state.</summary>
public sealed partial class RaftNodeCore
{
    private static byte[] SessionBytes() => [];

    private static void RestoreSessions(ReadOnlyMemory<byte> sessions)
    {
    }
}
