using System.Buffers;
using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Testbed.Tests.Unit.Erasure;

/// <summary>Pages of memory, each between two that may not be touched: a byte too far ends the process.</summary>
internal sealed class GuardedPages : IDisposable
{
    private const int NoAccess = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly nint _start;
    private readonly nuint _length;
    private readonly int _pageBytes = Environment.SystemPageSize;

    public GuardedPages(int pages)
    {
        _length = (nuint)(((2 * pages) + 1) * _pageBytes);
        _start = Map(0, _length, NoAccess, PrivateAnonymous, -1, 0);
        if (_start == -1)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        for (var page = 0; page < pages; page++)
        {
            if (Protect(Page(page), (nuint)_pageBytes, ReadWrite) != 0)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            }
        }
    }

    public static bool IsSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>The last or the first bytes of a page.</summary>
    public Memory<byte> Slice(int page, int bytes, bool atEnd) =>
        new Slab(Page(page) + (atEnd ? _pageBytes - bytes : 0), bytes).Memory;

    public void Dispose() => _ = Unmap(_start, _length);

    private nint Page(int page) => _start + (((2 * page) + 1) * _pageBytes);

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Protect(nint address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Unmap(nint address, nuint length);

    private sealed class Slab(nint address, int bytes) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => MemoryMarshal.CreateSpan(
            ref Unsafe.AddByteOffset(ref Unsafe.NullRef<byte>(), address), bytes);

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
