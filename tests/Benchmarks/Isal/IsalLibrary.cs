using System.Runtime.InteropServices;

namespace Testbed.Benchmarks.Isal;

/// <summary>Intel's erasure code library, where it is installed (Debian: libisal2).</summary>
internal static class IsalLibrary
{
    /// <summary>Why there is nothing to compare with.</summary>
    public const string Absent = "Intel ISA-L is not installed (Debian and Ubuntu: apt-get install libisal2)";

    private const string Name = "libisal.so.2";
    private const int TableBytesPerCoefficient = 32;

    /// <summary>Whether the library is there.</summary>
    public static bool IsPresent { get; } = NativeLibrary.TryLoad(Name, out _);

    /// <summary>The version of the library, from its file's name; "2" when that does not tell.</summary>
    public static string Version => File.Exists("/proc/self/maps")
        ? File.ReadLines("/proc/self/maps").Select(line => line.Split('/')[^1])
            .Where(file => file.StartsWith("libisal.so.", StringComparison.Ordinal))
            .Select(file => file["libisal.so.".Length..]).FirstOrDefault("2")
        : "2";

    /// <summary>Tables of a matrix with <paramref name="columns"/> coefficients in each row.</summary>
    public static byte[] Tables(ReadOnlySpan<byte> matrix, int columns)
    {
        var tables = GC.AllocateArray<byte>(TableBytesPerCoefficient * matrix.Length, pinned: true);
        var cells = GC.AllocateArray<byte>(matrix.Length, pinned: true);
        matrix.CopyTo(cells);
        InitTables(columns, matrix.Length / columns, Address(cells), Address(tables));
        return tables;
    }

    /// <summary>The address of an array that was allocated pinned.</summary>
    public static nint Address<T>(T[] pinned, int index = 0) =>
        Marshal.UnsafeAddrOfPinnedArrayElement(pinned, index);

    /// <summary>
    /// outputs[r] = sum over c of matrix[r][c] * inputs[c]; the last two are arrays of addresses. Without the
    /// runtime's switch to native code, which would count against the library in calls of some nanoseconds.
    /// </summary>
    [DllImport(Name, EntryPoint = "ec_encode_data")]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void EncodeData(int bytes, int columns, int rows, nint tables, nint inputs, nint outputs);

    /// <summary>A product of GF(2^8): three look-ups, so that its time is that of a call.</summary>
    [DllImport(Name, EntryPoint = "gf_mul")]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern byte Multiply(byte a, byte b);

    [DllImport(Name, EntryPoint = "ec_init_tables")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void InitTables(int columns, int rows, nint matrix, nint tables);
}
