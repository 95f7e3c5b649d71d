using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Pipelines;
using Docker.DotNet.Models;
using Testbed.Harness.Clusters.Docker.Images;
using Testbed.Injectors;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// Volumes of a given size, one per node, in the engine's memory (tmpfs): the only kind every engine can
/// limit without more rights. A container that does nothing holds them all, since such a volume is emptied
/// when nobody has it mounted, and a killed node must find its data again.
/// </summary>
internal sealed class DataVolumes
{
    private const string Filler = "filler";

    /// <summary>What the node program ends with when it cannot write its log.</summary>
    private const int DiskExitCode = 74;
    private static readonly TimeSpan FillLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly Engine _engine;
    private readonly string _name;
    private readonly string _holder;
    private readonly long _bytes;

    private DataVolumes(Engine engine, string name, string holder, long bytes)
    {
        _engine = engine;
        _name = name;
        _holder = holder;
        _bytes = bytes;
    }

    /// <summary>Makes the volumes and their holder.</summary>
    public static async Task<DataVolumes> CreateAsync(
        Engine engine, string image, string name, Dictionary<string, string> labels, int nodes, long bytes, CancellationToken cancel)
    {
        for (var i = 0; i < nodes; i++)
        {
            var options = string.Create(CultureInfo.InvariantCulture,
                $"size={bytes},mode=0755,uid={ImageArchive.UserId},gid={ImageArchive.UserId}");
            var volume = new VolumesCreateParameters
            {
                Name = VolumeOf(name, i),
                Driver = "local",
                DriverOpts = new Dictionary<string, string> { ["type"] = "tmpfs", ["device"] = "tmpfs", ["o"] = options },
                Labels = labels,
            };
            cancel.ThrowIfCancellationRequested();
            await Engine.CallAsync(c => engine.Client.Volumes.CreateAsync(volume, c)).ConfigureAwait(false);
        }

        cancel.ThrowIfCancellationRequested();
        var made = await Engine.CallAsync(c => engine.Client.Containers.CreateContainerAsync(
            new CreateContainerParameters
            {
                Name = name + "-volumes",
                Image = image,
                Cmd = ["--hold"],
                Labels = labels,
                Healthcheck = new HealthcheckConfig { Test = ["NONE"] },
                HostConfig = new HostConfig
                {
                    NetworkMode = "none",
                    Mounts = [.. Enumerable.Range(0, nodes).Select(i => Mount(name, i, HeldAt(i)))],
                },
            },
            c)).ConfigureAwait(false);
        await Engine.CallAsync(c => engine.Client.Containers.StartContainerAsync(made.ID, new ContainerStartParameters(), c))
            .ConfigureAwait(false);
        return new DataVolumes(engine, name, made.ID, bytes);
    }

    /// <summary>The mount of a node's volume in its own container.</summary>
    public Mount MountOf(int node) => Mount(_name, node, "/" + ImageArchive.DataFolder);

    /// <summary>Writes a file into the node's volume until there is no room left.</summary>
    public async Task<string> FillAsync(ContainerNode node, CancellationToken cancel)
    {
        // The engine writes it, from an archive with one file as large as the volume.
        node.EndExpected = true;
        try
        {
            await ExtractAsync(node.Index, _bytes, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (Engine.IsRefusal(e)
            && Engine.Reason(e).Contains("no space left", StringComparison.OrdinalIgnoreCase))
        {
            return string.Create(CultureInfo.InvariantCulture, $"volume of {_bytes / 1e6:F0} MB filled: no space left on device");
        }
        catch (Exception e) when (Engine.IsRefusal(e))
        {
            await FreeAsync(node).ConfigureAwait(false);
            throw new NodeControlException($"the engine refused to fill the volume: {Engine.Reason(e)}");
        }

        await FreeAsync(node).ConfigureAwait(false);
        throw new NodeControlException("the volume took a file as large as itself: its size is not limited");
    }

    /// <summary>
    /// Removes what was written by <see cref="FillAsync"/>. A node that ended meanwhile for another reason than
    /// the full disk is told by <paramref name="crashed"/>.
    /// </summary>
    public async Task<string> FreeAsync(ContainerNode node, Action<int, string>? crashed = null)
    {
        try
        {
            // An archive cannot remove a file, but it puts an empty one in its place.
            await ExtractAsync(node.Index, 0, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (Engine.IsRefusal(e))
        {
            throw new NodeControlException($"the engine refused to free the volume: {Engine.Reason(e)}");
        }

        // A node that met the full disk just now may still be about to end.
        var begun = Stopwatch.GetTimestamp();
        while (node.State != Processes.NodeState.Down)
        {
            if (Stopwatch.GetElapsedTime(begun) > EndLimit)
            {
                node.EndExpected = false;
                return "volume freed; the node had gone on";
            }

            await Task.Delay(Poll).ConfigureAwait(false);
        }

        node.EndExpected = false;

        var how = ContainerNode.ExitText(node.Ended);
        if (node.Ended?.ExitCode != DiskExitCode)
        {
            crashed?.Invoke(node.Index, $"{node.Name} ended by itself while its disk was full, but not for that: {how}");
        }

        return "volume freed; the node had ended with " + how;
    }

    private static string VolumeOf(string name, int node) => string.Create(CultureInfo.InvariantCulture, $"{name}-n{node}");

    private static string HeldAt(int node) => string.Create(CultureInfo.InvariantCulture, $"/volumes/n{node}");

    private static Mount Mount(string name, int node, string target) => new()
    {
        Type = "volume",
        Source = VolumeOf(name, node),
        Target = target,
    };

    private async Task ExtractAsync(int node, long fillerBytes, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(FillLimit);
        // Through a pipe: the filler is as large as the volume, and nothing of it is kept here.
        var pipe = new Pipe();
        var writing = WriteArchiveAsync(pipe.Writer, fillerBytes, limit.Token);
        try
        {
            await _engine.Client.Containers.ExtractArchiveToContainerAsync(
                _holder, new CopyToContainerParameters { Path = HeldAt(node) }, pipe.Reader.AsStream(), limit.Token)
                .ConfigureAwait(false);
        }
        finally
        {
            await pipe.Reader.CompleteAsync().ConfigureAwait(false);
            await limit.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
        }
    }

    private static async Task WriteArchiveAsync(PipeWriter target, long fillerBytes, CancellationToken cancel)
    {
        try
        {
            await using var tar = new TarWriter(target.AsStream(leaveOpen: true), TarEntryFormat.Gnu, leaveOpen: true);
            await using var zeros = new ZeroStream(fillerBytes);
            await tar.WriteEntryAsync(
                new GnuTarEntry(TarEntryType.RegularFile, Filler) { DataStream = zeros }, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The engine stopped reading: there is no room left.
        }
        finally
        {
            await target.CompleteAsync().ConfigureAwait(false);
        }
    }
}
