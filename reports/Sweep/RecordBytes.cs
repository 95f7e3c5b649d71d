namespace Testbed.Reports;

/// <summary>
/// What a record takes in a node's store, in bytes, without the rounding to blocks and the free room of slabs. A test
/// compares it with stores.
/// </summary>
internal static class RecordBytes
{
    // Shape, key length, flags, payload length, lower half of the version.
    private const int Fields = 1 + 1 + 1 + 2 + 8;

    // ECC: the upper half of the version and the element's checksum.
    private const int UpperVersion = 6;
    private const int Checksum = 8;

    // The largest length that two bytes hold; longer ones take four.
    private const int ShortLength = ushort.MaxValue;

    // A slot of 8 bytes, filled to between 0.70 and 0.88; a reference of 4 bytes in nodes two thirds full.
    private const double IndexBytes = (8 / 0.79) + (4 / 0.67);

    /// <summary>One replica of a value, with its header, key and share of the indexes.</summary>
    public static double Replica(int keyBytes, int valueBytes) =>
        Fields + Long(valueBytes) + keyBytes + valueBytes + IndexBytes;

    /// <summary>One element of a value; its length and that of the value differ, so both are kept.</summary>
    public static double Element(int keyBytes, int elementBytes, int valueBytes)
    {
        int payload = WireBytes.ElementPrefix + elementBytes;
        return Fields + Long(payload) + 2 + Long(valueBytes) + UpperVersion + Checksum + keyBytes + payload
            + IndexBytes;
    }

    private static int Long(int length) => length > ShortLength ? 2 : 0;
}
