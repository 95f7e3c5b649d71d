using System.Runtime.InteropServices;

namespace Testbed.Harness.Clusters.Docker.Images;

/// <summary>
/// What an image must hold so that one of our programs runs in it with nothing else: the program; for a build
/// that the runtime compiles also this machine's .NET; and the system libraries they need.
/// </summary>
/// <param name="Files">The files.</param>
/// <param name="Entry">The command that starts the program in the image.</param>
/// <param name="Build"><c>jit</c> or <c>aot</c>.</param>
internal sealed record ProgramFiles(IReadOnlyList<ImageFile> Files, IReadOnlyList<string> Entry, string Build)
{
    private const string DotnetFolder = "dotnet";

    /// <summary>
    /// The command that tells whether a node in a container serves, on the port that all images agree on; null
    /// for programs that cannot be asked. Compose files leave it to the image, which knows where its program is.
    /// </summary>
    public IReadOnlyList<string>? Health => Path.GetFileNameWithoutExtension(Entry[^1]) == "testbed-node"
        ? [.. Entry, "--health", "127.0.0.1:7000"]
        : null;

    /// <summary>Symbols, documentation, and what only debuggers and profilers load.</summary>
    private static readonly string[] NotNeeded =
    [
        ".pdb", ".xml", "libmscordbi.so", "libmscordaccore.so", "libcoreclrtraceptprovider.so", "createdump",
    ];

    /// <summary>
    /// The files of a program: a native one stands alone, one with an assembly beside it brings its folder.
    /// </summary>
    /// <param name="program">Path of the program or of its assembly on this machine.</param>
    public static ProgramFiles Of(string program)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new ClusterStartException(
                "images are made from programs of Linux: build one with 'docker build -f compose/Dockerfile -t "
                + "testbed-node:local .' and give --node-image testbed-node:local");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(program))!;
        var name = Path.GetFileNameWithoutExtension(program);
        return File.Exists(Path.Combine(folder, name + ".dll")) ? Compiled(folder, name) : Native(program);
    }

    private static ProgramFiles Native(string program)
    {
        var name = Path.GetFileName(program);
        List<ImageFile> files = [new(name, program, Executable: true), .. LoaderClosure.Of([program])];
        return new ProgramFiles(files, ["/" + name], "aot");
    }

    private static ProgramFiles Compiled(string folder, string name)
    {
        var files = new List<ImageFile>();
        Add(files, folder, "app");
        var root = DotnetRoot();
        files.Add(new ImageFile(DotnetFolder + "/dotnet", Path.Combine(root, "dotnet"), Executable: true));
        var runtime = Path.GetFileName(RuntimeEnvironment.GetRuntimeDirectory().TrimEnd('/'));
        Add(files, Path.Combine(root, "shared", "Microsoft.NETCore.App", runtime), Shared("Microsoft.NETCore.App", runtime));
        if (File.ReadAllText(Path.Combine(folder, name + ".runtimeconfig.json"))
            .Contains("Microsoft.AspNetCore.App", StringComparison.Ordinal))
        {
            var web = Newest(Path.Combine(root, "shared", "Microsoft.AspNetCore.App"));
            Add(files, web, Shared("Microsoft.AspNetCore.App", Path.GetFileName(web)));
        }

        var host = Newest(Path.Combine(root, "host", "fxr"));
        Add(files, host, $"{DotnetFolder}/host/fxr/{Path.GetFileName(host)}");
        var native = files.Where(f => f.Source.EndsWith(".so", StringComparison.Ordinal) || f.Path == DotnetFolder + "/dotnet");
        files.AddRange(LoaderClosure.Of([.. native.Select(f => f.Source)]));
        return new ProgramFiles(files, ["/dotnet/dotnet", $"/app/{name}.dll"], "jit");
    }

    private static string Shared(string framework, string version) => $"{DotnetFolder}/shared/{framework}/{version}";

    private static string DotnetRoot()
    {
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        return File.Exists(Path.Combine(root, "dotnet")) ? root : throw new ClusterStartException(
            $"no .NET installation was found at {root}; give --node-program with a native build, or --node-image");
    }

    /// <summary>The newest version of the harness's own major version.</summary>
    private static string Newest(string folder)
    {
        var wanted = Environment.Version.Major;
        var found = Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder)
                .Select(d => (Path: d, Version: Version.TryParse(Path.GetFileName(d), out var v) ? v : null))
                .Where(d => d.Version?.Major == wanted).OrderByDescending(d => d.Version).FirstOrDefault().Path
            : null;
        return found ?? throw new ClusterStartException(
            $"{folder} has no version {wanted}; give --node-program with a native build, or --node-image");
    }

    private static void Add(List<ImageFile> files, string folder, string inImage)
    {
        foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(file);
            if (!Array.Exists(NotNeeded, n => name.EndsWith(n, StringComparison.Ordinal)))
            {
                files.Add(new ImageFile($"{inImage}/{name}", file, Executable: name.EndsWith(".so", StringComparison.Ordinal)));
            }
        }
    }
}
