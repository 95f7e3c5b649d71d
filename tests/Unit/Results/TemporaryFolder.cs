namespace Testbed.Tests.Unit.Results;

/// <summary>A folder of its own for a test, removed afterwards.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string FullPath { get; } = Directory.CreateTempSubdirectory("testbed-results-").FullName;

    public string In(params ReadOnlySpan<string> parts) => Path.Combine([FullPath, .. parts]);

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
