namespace Testbed.Reports;

/// <summary>
/// Sizes of the messages that predictions count, in bytes. Reports do not see the room that encodes them; a test
/// compares every size with what the codecs write.
/// </summary>
internal static class WireBytes
{
    /// <summary>The length before every message of a frame.</summary>
    public const int LengthPrefix = 4;

    private const int Type = 1;
    private const int OperationId = 8;
    private const int KeyLength = 2;
    private const int ValueLength = 4;
    private const int Version = 16;
    private const int Checksum = 8;
    private const int Flag = 1;

    // ECC: the version, the value's length, the element's checksum and length.
    private const int ElementHead = Version + ValueLength + Checksum + ValueLength;
    private const int NodeMask = 4;
    private const int Incarnation = 4;

    // Raft: both sides' incarnations follow type and term.
    private const int MemberHead = Type + Number + (2 * Incarnation);
    private const int Number = 8;

    // Session, number of the write, how far behind the first unanswered one lies.
    private const int Stamp = 8 + 8 + 2;

    // gRPC's prefix, and the tag and length of the one field of its message.
    private const int GrpcPrefix = 5;
    private const int FieldTag = 1;
    private const int HttpFrameHead = 9;
    private const int HttpFrameBytes = 16 * 1024;

    /// <summary>What ECC keeps and sends before each element: a checksum of the whole value.</summary>
    public const int ElementPrefix = Checksum;

    /// <summary>
    /// What every ECC reply begins with: operation, incarnation, readiness, the length of the crash vector, fin. The
    /// vector is empty while no node has restarted empty; then it takes four bytes per node.
    /// </summary>
    public const int EccReply = Type + OperationId + Incarnation + Flag + 1 + Version;

    /// <summary>Answer to a pre-write: the version again, and the status.</summary>
    public const int PreWriteAck = EccReply + Version + Flag;

    /// <summary>An append without entries: four positions and the length of the entries.</summary>
    public const int AppendHead = MemberHead + (4 * Number) + ValueLength;

    /// <summary>Answer to an append.</summary>
    public const int AppendReply = MemberHead + Flag + (3 * Number);

    /// <summary>A heartbeat, which also carries a read round.</summary>
    public const int Heartbeat = MemberHead + (4 * Number);

    /// <summary>Answer to a heartbeat.</summary>
    public const int HeartbeatReply = MemberHead + Number;

    /// <summary>An element before it is finalised; the version it renames is there and zero.</summary>
    public static int PreWrite(int keyBytes, int elementBytes) =>
        Type + OperationId + KeyLength + keyBytes + Version + ElementHead + ElementPrefix + elementBytes;

    /// <summary>
    /// Finalises a version, on the word of a node; answered with <see cref="EccReply"/>. Four bytes more once that node
    /// has restarted empty.
    /// </summary>
    public static int Finalize(int keyBytes) => Read(keyBytes) + Version + Flag;

    /// <summary>Asks for fin and element.</summary>
    public static int Read(int keyBytes) => Type + OperationId + KeyLength + keyBytes + NodeMask + Flag;

    /// <summary>Answer to a read, with an element.</summary>
    public static int ReadReply(int elementBytes) => EccReply + ElementHead + ElementPrefix + elementBytes;

    /// <summary>A client's request to a Raft leader; only writes are stamped with a session.</summary>
    public static int Request(int keyBytes, int valueBytes, bool isWrite) =>
        Type + OperationId + Flag + 4 + 4 + (isWrite ? Stamp : 0) + KeyLength + keyBytes + ValueLength + valueBytes;

    /// <summary>The leader's answer: status, leader, value, entries of a scan.</summary>
    public static int Reply(int valueBytes) => Type + OperationId + Flag + 1 + ValueLength + valueBytes + ValueLength;

    /// <summary>A log entry: length, index, term, kind, stamp, key, value.</summary>
    public static int Entry(int keyBytes, int valueBytes) =>
        4 + Number + Number + Flag + Stamp + KeyLength + keyBytes + valueBytes;

    /// <summary>Bytes on the socket of a frame that holds one message and nothing else.</summary>
    public static int Alone(int messageBytes)
    {
        int payload = LengthPrefix + messageBytes;
        int message = GrpcPrefix + FieldTag + VarintBytes(payload) + payload;
        int httpFrames = (message + HttpFrameBytes - 1) / HttpFrameBytes;
        return message + (httpFrames * HttpFrameHead);
    }

    private static int VarintBytes(int number)
    {
        int bytes = 1;
        while ((number >>= 7) > 0)
        {
            bytes++;
        }

        return bytes;
    }
}
