using System.Diagnostics;

namespace Testbed.Harness.Clusters.Docker.Images;

/// <summary>
/// The shared libraries of this machine that native files need, the loader itself included: asked of the
/// loader, which knows best.
/// </summary>
internal static class LoaderClosure
{
    private static readonly string[] Loaders =
    [
        "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1",
    ];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The libraries, by the path programs look for them at. Throws <see cref="ClusterStartException"/> when
    /// this machine has no loader that is known here.
    /// </summary>
    public static IReadOnlyList<ImageFile> Of(IEnumerable<string> nativeFiles)
    {
        var loader = Loaders.FirstOrDefault(File.Exists) ?? throw new ClusterStartException(
            "this machine's dynamic loader was not found; give an image with --node-image");
        var found = new SortedDictionary<string, ImageFile>(StringComparer.Ordinal)
        {
            [loader] = new(loader[1..], loader, Executable: true),
        };
        foreach (var file in nativeFiles)
        {
            foreach (var path in Needed(loader, file))
            {
                found[path] = new ImageFile(path[1..], path, Executable: true);
            }
        }

        return [.. found.Values];
    }

    /// <summary>Lines of the loader: <c>libc.so.6 =&gt; /lib/.../libc.so.6 (0x7f...)</c>.</summary>
    private static IEnumerable<string> Needed(string loader, string file)
    {
        using var process = Process.Start(new ProcessStartInfo(loader, ["--list", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new ClusterStartException($"{loader} could not be started");
        var errors = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd().Split('\n');
        if (!process.WaitForExit(Limit) || process.ExitCode != 0)
        {
            throw new ClusterStartException(
                $"the libraries of {file} cannot be listed: {errors.GetAwaiter().GetResult().ReplaceLineEndings(" ").Trim()}");
        }

        foreach (var line in lines)
        {
            var arrow = line.IndexOf("=> /", StringComparison.Ordinal);
            if (arrow >= 0)
            {
                var path = line[(arrow + 3)..];
                yield return path[..path.LastIndexOf(" (", StringComparison.Ordinal)];
            }
        }
    }
}
