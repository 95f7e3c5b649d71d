using System.Globalization;
using Docker.DotNet.Models;
using Testbed.Harness.Clusters.Docker.Images;
using Testbed.Harness.Clusters.Links;
using Testbed.Harness.Clusters.Processes;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// The link proxy in a container on the cluster's network. It is removed with everything else that carries
/// the cluster's label.
/// </summary>
internal sealed class LinkContainer : IDisposable
{
    private const int ControlPort = 7099;
    private const int FirstPort = 7100;
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    private LinkContainer(ContainerNode node, LinkController controller, IReadOnlyList<string> clientView)
    {
        Node = node;
        Controller = controller;
        ClientView = clientView;
    }

    /// <summary>The container.</summary>
    public ContainerNode Node { get; }

    /// <summary>Applies link faults.</summary>
    public LinkController Controller { get; }

    /// <summary>What a client on this machine dials, in node order.</summary>
    public IReadOnlyList<string> ClientView { get; }

    /// <summary>The links of a cluster whose proxy has this address on its network.</summary>
    public static LinkPlan Plan(IReadOnlyList<string> nodes, string address) => new(nodes, i => At(address, FirstPort + i));

    /// <summary>Starts the proxy and connects to it; throws <see cref="ClusterStartException"/>.</summary>
    public static async Task<LinkContainer> StartAsync(
        Engine engine, DockerNetwork network, LinkPlan plan, bool published, string name, Dictionary<string, string> labels,
        Action<int, string> ended, CancellationToken cancel)
    {
        var image = await NodeImage.EnsureAsync(engine, LinkProgram.Command()[^1], null, cancel, "testbed-linkd").ConfigureAwait(false);
        var address = network.AddressOf(plan.Nodes);
        int[] inside = [ControlPort, .. plan.ClientView.Select(PortOf)];
        var outside = published ? Ports.Choose(inside.Length) : inside;
        var made = await Engine.CallAsync(c => engine.Client.Containers.CreateContainerAsync(
            new CreateContainerParameters
            {
                Name = name + "-links",
                Image = image.Name,
                Cmd = [.. plan.Arguments(At(address, ControlPort), exitWithParent: false)],
                Labels = new Dictionary<string, string>(labels) { [DockerLabels.Node] = "links" },
                Healthcheck = new HealthcheckConfig { Test = ["NONE"] },
                ExposedPorts = inside.ToDictionary(DockerPorts.Tcp, _ => default(EmptyStruct)),
                HostConfig = Host(network, published ? engine.PublishedHost : null, inside, outside),
                NetworkingConfig = network.Endpoint(address),
            },
            c)).ConfigureAwait(false);
        var node = new ContainerNode(engine, -1, made.ID, At(address, ControlPort), At(address, ControlPort));
        await node.LaunchAsync(ended, cancel).ConfigureAwait(false);
        var host = published ? engine.PublishedHost : address;
        var control = await LinkControl.ConnectAsync(At(host, outside[0]), AnswerLimit, cancel).ConfigureAwait(false)
            ?? throw new ClusterStartException("the link proxy's container does not answer; its log ends with: "
                + await node.LastLogLineAsync().ConfigureAwait(false));
        node.MarkUp();
        return new LinkContainer(node, new LinkController(control, plan.Nodes), [.. outside.Skip(1).Select(p => At(host, p))]);
    }

    /// <inheritdoc/>
    public void Dispose() => Controller.Dispose();

    private static HostConfig Host(DockerNetwork network, string? publishedHost, int[] inside, IReadOnlyList<int> outside) => new()
    {
        NetworkMode = network.Id,
        CapDrop = ["ALL"],
        SecurityOpt = ["no-new-privileges"],
        PortBindings = publishedHost is null ? new Dictionary<string, IList<PortBinding>>() : inside.Zip(outside).ToDictionary(
            p => DockerPorts.Tcp(p.First), p => DockerPorts.Binding(publishedHost, p.Second)),
    };

    private static int PortOf(string address) =>
        int.Parse(address.AsSpan(address.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);

    private static string At(string host, int port) => string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
}
