using System.Diagnostics;
using Docker.DotNet;
using Docker.DotNet.Models;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Clusters.Docker.Images;

/// <summary>An image that is in the engine and ready to run.</summary>
/// <param name="Name">The name to run it by.</param>
/// <param name="Bytes">Its size in the engine.</param>
/// <param name="Build"><c>jit</c> or <c>aot</c>; empty when somebody else made it.</param>
/// <param name="LoadedIn">How long it took to make and load; null when it was there already.</param>
internal sealed record NodeImage(string Name, long Bytes, string Build, TimeSpan? LoadedIn)
{
    /// <summary>
    /// Images of earlier builds that stay: another harness of this machine may be about to run one.
    /// </summary>
    private const int KeptImages = 3;

    /// <summary>Images made here are called so, with the hash of their content as tag.</summary>
    public const string Repository = "testbed-node";

    /// <summary>
    /// The image of a program: found by its content, or made from this machine's files and loaded. Throws
    /// <see cref="ClusterStartException"/>.
    /// </summary>
    public static async Task<NodeImage> EnsureAsync(
        Engine engine, string? program, string? extraTag, CancellationToken cancel, string repository = Repository)
    {
        var begun = Stopwatch.GetTimestamp();
        var files = ProgramFiles.Of(program ?? NodeProgram.Command(null)[^1]);
        RefuseOtherArchitecture(engine);
        var hash = ImageArchive.HashOf(files, engine.Architecture);
        var name = $"{repository}:{hash}";
        if (await FindAsync(engine, name, cancel).ConfigureAwait(false) is { } there)
        {
            if (extraTag is not null)
            {
                await TagAsync(engine, name, extraTag).ConfigureAwait(false);
            }

            return new NodeImage(name, there.Size, files.Build, null);
        }

        await LoadAsync(engine, files, hash, extraTag is null ? [name] : [name, extraTag], cancel).ConfigureAwait(false);
        var loaded = await FindAsync(engine, name, cancel).ConfigureAwait(false)
            ?? throw new ClusterStartException($"the engine took the image {name} but does not have it");
        await Removal.OldImagesAsync(engine, repository, KeptImages).ConfigureAwait(false);
        return new NodeImage(name, loaded.Size, files.Build, Stopwatch.GetElapsedTime(begun));
    }

    /// <summary>An image that a person named.</summary>
    public static async Task<NodeImage> GivenAsync(Engine engine, string name, CancellationToken cancel) =>
        await FindAsync(engine, name, cancel).ConfigureAwait(false) is { } found
            ? new NodeImage(name, found.Size, found.Config?.Labels?.TryGetValue("io.testbed.build", out var build) == true ? build : "", null)
            : throw new ClusterStartException($"the engine has no image {name}; build or pull it first");

    private static async Task<ImageInspectResponse?> FindAsync(Engine engine, string name, CancellationToken cancel)
    {
        try
        {
            return await engine.Client.Images.InspectImageAsync(name, cancel).ConfigureAwait(false);
        }
        catch (DockerImageNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (Engine.IsRefusal(e) && !cancel.IsCancellationRequested)
        {
            throw new ClusterStartException($"the engine cannot be asked for the image {name}: {Engine.Reason(e)}");
        }
    }

    private static Task TagAsync(Engine engine, string name, string tag)
    {
        // A colon before the last slash belongs to a registry's port.
        var colon = tag.LastIndexOf(':');
        var hasTag = colon > tag.LastIndexOf('/');
        return Engine.CallAsync(c => engine.Client.Images.TagImageAsync(
            name,
            new ImageTagParameters
            {
                RepositoryName = hasTag ? tag[..colon] : tag,
                Tag = hasTag ? tag[(colon + 1)..] : "latest",
            },
            c));
    }

    private static async Task LoadAsync(
        Engine engine, ProgramFiles files, string hash, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        var path = Path.GetTempFileName();
        try
        {
            using var archive = new FileStream(
                path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            ImageArchive.Write(archive, files, engine.Architecture, hash, tags);
            archive.Position = 0;
            string? refused = null;
            await engine.Client.Images.LoadImageAsync(
                new ImageLoadParameters { Quiet = true }, archive,
                new InlineProgress<JSONMessage>(m => refused ??= m.Error?.Message), cancel).ConfigureAwait(false);
            if (refused is not null)
            {
                throw new ClusterStartException($"the engine does not load the image: {refused}");
            }
        }
        catch (Exception e) when (Engine.IsRefusal(e) && !cancel.IsCancellationRequested)
        {
            throw new ClusterStartException($"the engine does not load the image: {Engine.Reason(e)}");
        }
    }

    private static void RefuseOtherArchitecture(Engine engine)
    {
        var ours = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => "amd64",
            System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
            var other => other.ToString(),
        };
        if (ours != engine.Architecture)
        {
            throw new ClusterStartException(
                $"the engine runs {engine.Architecture}, this machine's programs are for {ours}; give --node-image");
        }
    }
}
