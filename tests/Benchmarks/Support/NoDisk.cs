using Testbed.Log;

namespace Testbed.Benchmarks.Support;

/// <summary>A disk that takes everything and keeps nothing: what remains is the log's own cost.</summary>
internal sealed class NoDisk : ILogDirectory
{
    public IReadOnlyList<string> List() => [];

    public ILogFile Open(string name) => new NoFile();

    public void Delete(string name)
    {
    }

    public void Rename(string name, string newName)
    {
    }

    public void Sync()
    {
    }

    private sealed class NoFile : ILogFile
    {
        public long Length => 0;

        public int Read(long offset, Span<byte> buffer) => 0;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
        }

        public void Truncate(long length)
        {
        }

        public void Sync()
        {
        }

        public void Dispose()
        {
        }
    }
}
