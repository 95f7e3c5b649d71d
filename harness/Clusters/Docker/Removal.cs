using Docker.DotNet;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>Removes what clusters made in an engine: one's own, and those of harnesses that died.</summary>
internal static class Removal
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private const int MaxRounds = 5;

    /// <summary>What was removed.</summary>
    /// <param name="Clusters">Clusters.</param>
    /// <param name="Containers">Containers.</param>
    /// <param name="Networks">Networks.</param>
    /// <param name="Volumes">Volumes.</param>
    /// <param name="Left">Parts that the engine did not remove.</param>
    public sealed record Removed(int Clusters, int Containers, int Networks, int Volumes, int Left);

    /// <summary>Ends and removes a container; one that is gone already is fine.</summary>
    public static async Task<bool> ContainerAsync(Engine engine, string id)
    {
        // Frozen processes die only once they are thawed, and then before they do anything else. That it was
        // not paused, or not running, is fine.
        await TryAsync(c => engine.Client.Containers.KillContainerAsync(id, new ContainerKillParameters { Signal = "SIGKILL" }, c))
            .ConfigureAwait(false);
        await TryAsync(c => engine.Client.Containers.UnpauseContainerAsync(id, c)).ConfigureAwait(false);
        return await TryAsync(c => engine.Client.Containers.RemoveContainerAsync(
            id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, c)).ConfigureAwait(false);
    }

    /// <summary>
    /// Removes everything that carries this cluster's label, again and again until nothing is left: what the
    /// engine was making when its maker gave up may appear late. Throws <see cref="EngineException"/>.
    /// </summary>
    public static async Task ClusterAsync(Engine engine, string cluster)
    {
        Removed removed;
        var round = 0;
        do
        {
            removed = await MatchingAsync(engine, DockerLabels.Filter(DockerLabels.Cluster, cluster), _ => true)
                .ConfigureAwait(false);
        }
        while (removed.Containers + removed.Networks + removed.Volumes + removed.Left > 0 && ++round < MaxRounds);
        if (removed.Left > 0)
        {
            throw new EngineException($"parts of cluster {cluster} could not be removed; try: harness cluster prune");
        }
    }

    /// <summary>Ids of clusters whose harness is dead.</summary>
    public static async Task<IReadOnlyList<string>> OrphansAsync(Engine engine, CancellationToken cancel)
    {
        var containers = await ContainersAsync(engine, DockerLabels.Filter(DockerLabels.Cluster)).ConfigureAwait(false);
        var networks = await NetworksAsync(engine, DockerLabels.Filter(DockerLabels.Cluster)).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        return [.. containers.Select(c => c.Labels).Concat(networks.Select(n => n.Labels)).Where(IsOrphan)
            .Select(l => l[DockerLabels.Cluster]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// Removes what harnesses that died left behind; with <paramref name="all"/> what living ones use, too.
    /// </summary>
    public static Task<Removed> LeftoversAsync(Engine engine, bool all) => MatchingAsync(
        engine, DockerLabels.Filter(DockerLabels.Cluster), all ? _ => true : IsOrphan);

    /// <summary>Removes images that were made here and that no container uses.</summary>
    public static async Task<int> ImagesAsync(Engine engine)
    {
        var images = await ImagesOfOursAsync(engine).ConfigureAwait(false);
        var removed = 0;
        foreach (var image in images)
        {
            var names = image.RepoTags is { Count: > 0 } tags ? tags : [image.ID];
            foreach (var name in names)
            {
                removed += await TryAsync(c => engine.Client.Images.DeleteImageAsync(name, new ImageDeleteParameters(), c))
                    .ConfigureAwait(false) ? 1 : 0;
            }
        }

        return removed;
    }

    /// <summary>
    /// Removes images of earlier builds, but for the newest; those with another name, or in use, stay too.
    /// </summary>
    public static async Task OldImagesAsync(Engine engine, string repository, int kept)
    {
        var images = await ImagesOfOursAsync(engine).ConfigureAwait(false);
        foreach (var image in images.Where(i => i.RepoTags is { Count: 1 } tags && IsOurs(tags[0], i.Labels))
            .OrderByDescending(i => i.Created).Skip(kept))
        {
            await TryAsync(c => engine.Client.Images.DeleteImageAsync(image.RepoTags[0], new ImageDeleteParameters(), c))
                .ConfigureAwait(false);
        }

        bool IsOurs(string tag, IDictionary<string, string> labels) =>
            labels.TryGetValue(DockerLabels.Image, out var hash) && tag == $"{repository}:{hash}";
    }

    private static Task<IList<ImagesListResponse>> ImagesOfOursAsync(Engine engine) => Engine.CallAsync(
        c => engine.Client.Images.ListImagesAsync(
            new ImagesListParameters { Filters = DockerLabels.Filter(DockerLabels.Image) }, c));

    private static bool IsOrphan(IDictionary<string, string> labels) =>
        labels.TryGetValue(DockerLabels.Owner, out var owner) && !DockerLabels.MayLive(owner);

    private static async Task<Removed> MatchingAsync(
        Engine engine, IDictionary<string, IDictionary<string, bool>> filter, Func<IDictionary<string, string>, bool> matches)
    {
        var clusters = new HashSet<string>(StringComparer.Ordinal);
        var left = 0;
        var containers = await AllAsync(
            (await ContainersAsync(engine, filter).ConfigureAwait(false)).Select(c => (c.ID, c.Labels)),
            id => ContainerAsync(engine, id)).ConfigureAwait(false);
        var networks = await AllAsync(
            (await NetworksAsync(engine, filter).ConfigureAwait(false)).Select(n => (n.ID, n.Labels)),
            id => TryAsync(c => engine.Client.Networks.DeleteNetworkAsync(id, c))).ConfigureAwait(false);
        var volumes = await Engine.CallAsync(c => engine.Client.Volumes.ListAsync(
            new VolumesListParameters { Filters = filter }, c)).ConfigureAwait(false);
        var removedVolumes = await AllAsync(
            (volumes.Volumes ?? []).Select(v => (v.Name, v.Labels)),
            name => TryAsync(c => engine.Client.Volumes.RemoveAsync(name, true, c))).ConfigureAwait(false);
        return new Removed(clusters.Count, containers, networks, removedVolumes, left);

        async Task<int> AllAsync(
            IEnumerable<(string Id, IDictionary<string, string> Labels)> parts, Func<string, Task<bool>> remove)
        {
            var ours = parts.Where(p => matches(p.Labels)).ToList();
            var gone = await Task.WhenAll(ours.Select(p => remove(p.Id))).ConfigureAwait(false);
            clusters.UnionWith(ours.Select(p => p.Labels[DockerLabels.Cluster]));
            left += gone.Count(g => !g);
            return gone.Count(g => g);
        }
    }

    private static Task<IList<ContainerListResponse>> ContainersAsync(
        Engine engine, IDictionary<string, IDictionary<string, bool>> filter) =>
        Engine.CallAsync(c => engine.Client.Containers.ListContainersAsync(
            new ContainersListParameters { All = true, Filters = filter }, c));

    private static Task<IList<NetworkResponse>> NetworksAsync(
        Engine engine, IDictionary<string, IDictionary<string, bool>> filter) =>
        Engine.CallAsync(c => engine.Client.Networks.ListNetworksAsync(new NetworksListParameters { Filters = filter }, c));

    /// <summary>False when the engine refused: mostly because it is gone, or in use, already.</summary>
    private static async Task<bool> TryAsync(Func<CancellationToken, Task> call)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await call(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (DockerContainerNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (Engine.IsRefusal(e))
        {
            return false;
        }
    }
}
