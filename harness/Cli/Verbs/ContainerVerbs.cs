using System.Globalization;
using Testbed.Harness.Clusters;
using Testbed.Harness.Clusters.Docker;
using Testbed.Harness.Clusters.Docker.Images;

namespace Testbed.Harness.Cli.Verbs;

/// <summary><c>cluster prune|image</c>: what clusters of containers leave in, and need from, an engine.</summary>
internal static class ContainerVerbs
{
    /// <summary><c>cluster prune</c>.</summary>
    public static Verb Prune(CliContext context)
    {
        var all = Values.Flag("--all", "Also removes clusters whose harness is still alive, or runs on another machine.");
        var images = Values.Flag("--images", "Also removes the images of nodes that no container uses.");
        return new Verb(
            "prune",
            "Removes containers, networks and volumes that a harness left in the Docker engine when it was killed.",
            "harness cluster prune", "harness cluster prune --all --images").With(all, images).Does(async (parse, cancel) =>
            {
                using var engine = await Engine.ConnectAsync(cancel).ConfigureAwait(false);
                var removed = await Removal.LeftoversAsync(engine, parse.GetValue(all)).ConfigureAwait(false);
                var text = removed is { Clusters: 0 } ? "nothing was left behind" : string.Create(
                    CultureInfo.InvariantCulture,
                    $"removed {removed.Clusters} clusters: {removed.Containers} containers, {removed.Networks} networks, {removed.Volumes} volumes");
                context.Out.WriteLine(text);
                if (parse.GetValue(images))
                {
                    var count = await Removal.ImagesAsync(engine).ConfigureAwait(false);
                    context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"removed {count} images"));
                }

                return removed.Left == 0 ? ExitCodes.Ok : throw new EngineException(string.Create(
                    CultureInfo.InvariantCulture, $"{removed.Left} parts were not removed by the engine; try once more"));
            });
    }

    /// <summary><c>cluster image</c>.</summary>
    public static Verb Image(CliContext context)
    {
        var program = Values.Text(
            "--node-program", "PATH", "Node program to put in, such as an ahead-of-time build. [default: the one beside the harness]");
        var tag = Values.Text("--tag", "NAME", "A further name for the image, such as testbed-node:local.");
        return new Verb(
            "image",
            "Makes the image of the nodes and loads it into the Docker engine, without builder or registry.",
            "harness cluster image --tag testbed-node:local").With(program, tag).Does(async (parse, cancel) =>
            {
                var path = parse.GetValue(program) is { } given ? Path.GetFullPath(given, context.Folder) : null;
                using var engine = await Engine.ConnectAsync(cancel).ConfigureAwait(false);
                var image = await MakeAsync(engine, path, parse.GetValue(tag), cancel).ConfigureAwait(false);
                var how = image.LoadedIn is { } took
                    ? string.Create(CultureInfo.InvariantCulture, $"made and loaded in {took.TotalSeconds:F1} s")
                    : "was there already";
                context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{image.Name} ({image.Bytes / 1e6:F1} MB, {image.Build}) {how}"));
                return ExitCodes.Ok;
            });
    }

    /// <summary>An image that cannot be made keeps no cluster from starting here, so it is not called that.</summary>
    private static async Task<NodeImage> MakeAsync(Engine engine, string? program, string? tag, CancellationToken cancel)
    {
        try
        {
            return await NodeImage.EnsureAsync(engine, program, tag, cancel).ConfigureAwait(false);
        }
        catch (ClusterStartException e)
        {
            throw new EngineException(e.Message);
        }
    }
}
