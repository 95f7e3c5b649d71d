using Docker.DotNet;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>Removes what clusters made in an engine: one's own, and those of harnesses that died.</summary>
internal static class Removal
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>What was removed.</summary>
    /// <param name="Clusters">Clusters.</param>
    /// <param name="Containers">Containers.</param>
    /// <param name="Networks">Networks.</param>
    /// <param name="Volumes">Volumes.</param>
    /// <param name="Images">Images.</param>
    public sealed record Removed(int Clusters, int Containers, int Networks, int Volumes, int Images);

    /// <summary>Ends and removes a container; one that is gone already is fine.</summary>
    public static async Task ContainerAsync(Engine engine, string id)
    {
        // Frozen processes do not die: thaw first. An answer that it was not paused is fine.
        await TryAsync(c => engine.Client.Containers.KillContainerAsync(id, new ContainerKillParameters { Signal = "SIGKILL" }, c))
            .ConfigureAwait(false);
        await TryAsync(c => engine.Client.Containers.UnpauseContainerAsync(id, c)).ConfigureAwait(false);
        await TryAsync(c => engine.Client.Containers.RemoveContainerAsync(
            id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, c)).ConfigureAwait(false);
    }

    /// <summary>Removes everything that carries this cluster's label.</summary>
    public static Task<Removed> ClusterAsync(Engine engine, string cluster) =>
        MatchingAsync(engine, DockerLabels.Filter(DockerLabels.Cluster, cluster), _ => true);

    /// <summary>Ids of clusters whose harness is dead.</summary>
    public static async Task<IReadOnlyList<string>> OrphansAsync(Engine engine, CancellationToken cancel)
    {
        var containers = await ContainersAsync(engine, DockerLabels.Filter(DockerLabels.Cluster), cancel).ConfigureAwait(false);
        var networks = await engine.Client.Networks.ListNetworksAsync(
            new NetworksListParameters { Filters = DockerLabels.Filter(DockerLabels.Cluster) }, cancel).ConfigureAwait(false);
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
        using var limit = new CancellationTokenSource(Limit);
        var images = await engine.Client.Images.ListImagesAsync(
            new ImagesListParameters { Filters = DockerLabels.Filter(DockerLabels.Image) }, limit.Token).ConfigureAwait(false);
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
        using var limit = new CancellationTokenSource(Limit);
        var images = await engine.Client.Images.ListImagesAsync(
            new ImagesListParameters { Filters = DockerLabels.Filter(DockerLabels.Image) }, limit.Token).ConfigureAwait(false);
        foreach (var image in images.Where(i => i.RepoTags is { Count: 1 } tags && IsOurs(tags[0], i.Labels))
            .OrderByDescending(i => i.Created).Skip(kept))
        {
            await TryAsync(c => engine.Client.Images.DeleteImageAsync(image.RepoTags[0], new ImageDeleteParameters(), c))
                .ConfigureAwait(false);
        }

        bool IsOurs(string tag, IDictionary<string, string> labels) =>
            labels.TryGetValue(DockerLabels.Image, out var hash) && tag == $"{repository}:{hash}";
    }

    private static bool IsOrphan(IDictionary<string, string> labels) =>
        labels.TryGetValue(DockerLabels.Owner, out var owner) && !DockerLabels.MayLive(owner);

    private static async Task<Removed> MatchingAsync(
        Engine engine, IDictionary<string, IDictionary<string, bool>> filter, Func<IDictionary<string, string>, bool> matches)
    {
        using var limit = new CancellationTokenSource(Limit);
        var clusters = new HashSet<string>(StringComparer.Ordinal);
        var containers = (await ContainersAsync(engine, filter, limit.Token).ConfigureAwait(false))
            .Where(c => matches(c.Labels)).ToList();
        await Task.WhenAll(containers.Select(c => ContainerAsync(engine, c.ID))).ConfigureAwait(false);
        var networks = (await engine.Client.Networks.ListNetworksAsync(
            new NetworksListParameters { Filters = filter }, limit.Token).ConfigureAwait(false)).Where(n => matches(n.Labels)).ToList();
        foreach (var network in networks)
        {
            await TryAsync(c => engine.Client.Networks.DeleteNetworkAsync(network.ID, c)).ConfigureAwait(false);
        }

        var volumes = ((await engine.Client.Volumes.ListAsync(
            new VolumesListParameters { Filters = filter }, limit.Token).ConfigureAwait(false)).Volumes ?? [])
            .Where(v => matches(v.Labels)).ToList();
        foreach (var volume in volumes)
        {
            await TryAsync(c => engine.Client.Volumes.RemoveAsync(volume.Name, true, c)).ConfigureAwait(false);
        }

        clusters.UnionWith(containers.Select(c => c.Labels).Concat(networks.Select(n => n.Labels))
            .Concat(volumes.Select(v => v.Labels)).Select(l => l[DockerLabels.Cluster]));
        return new Removed(clusters.Count, containers.Count, networks.Count, volumes.Count, 0);
    }

    private static async Task<IList<ContainerListResponse>> ContainersAsync(
        Engine engine, IDictionary<string, IDictionary<string, bool>> filter, CancellationToken cancel) =>
        await engine.Client.Containers.ListContainersAsync(
            new ContainersListParameters { All = true, Filters = filter }, cancel).ConfigureAwait(false);

    /// <summary>False when the engine refused: mostly because it is gone, or in use, already.</summary>
    private static async Task<bool> TryAsync(Func<CancellationToken, Task> call)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await call(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is DockerApiException or HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
