using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// A network of the cluster's own with fixed addresses: a container that is started again must come back
/// under the address it had, which only a network with a subnet of our choice grants.
/// </summary>
/// <param name="Id">The engine's id.</param>
/// <param name="Prefix">The first three numbers of all addresses, such as <c>172.28.5</c>.</param>
internal sealed record DockerNetwork(string Id, string Prefix)
{
    // 172.28 to 172.31 lie in the private block of RFC 1918 behind what engines take by themselves first.
    private const int FirstBlock = 28;
    private const int LastBlock = 31;
    private const int FirstNodeAddress = 10;
    private const int MaxTries = 32;

    /// <summary>Address of a node, or of what comes after the nodes.</summary>
    public string AddressOf(int place) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}.{FirstNodeAddress + place}");

    /// <summary>What puts a container at this address of the network.</summary>
    public NetworkingConfig Endpoint(string address) => new()
    {
        EndpointsConfig = new Dictionary<string, EndpointSettings>
        {
            [Id] = new EndpointSettings { IPAMConfig = new EndpointIPAMConfig { IPv4Address = address } },
        },
    };

    /// <summary>Creates the network on a subnet nobody uses; throws <see cref="ClusterStartException"/>.</summary>
    public static async Task<DockerNetwork> CreateAsync(
        Engine engine, string name, IDictionary<string, string> labels, CancellationToken cancel)
    {
        var taken = await TakenAsync(engine, cancel).ConfigureAwait(false);
        var tries = 0;
        for (var second = FirstBlock; second <= LastBlock; second++)
        {
            for (var third = 0; third < 256 && tries < MaxTries; third++)
            {
                var prefix = string.Create(CultureInfo.InvariantCulture, $"172.{second}.{third}");
                if (taken.Any(t => t.Contains(IPAddress.Parse(prefix + ".0")) || InBlock(prefix, t.BaseAddress)))
                {
                    continue;
                }

                tries++;
                try
                {
                    cancel.ThrowIfCancellationRequested();
                    var subnet = new IPAMConfig { Subnet = prefix + ".0/24", Gateway = prefix + ".1" };
                    var made = await Engine.CallAsync(c => engine.Client.Networks.CreateNetworkAsync(
                        new NetworksCreateParameters
                        {
                            Name = name,
                            Driver = "bridge",
                            Labels = labels,
                            IPAM = new IPAM { Config = [subnet] },
                        },
                        c)).ConfigureAwait(false);
                    return new DockerNetwork(made.ID, prefix);
                }
                catch (EngineException e) when (e.Message.Contains("overlaps", StringComparison.OrdinalIgnoreCase))
                {
                    // Another harness was quicker, or the engine knows of a route that we do not.
                }
            }
        }

        throw new ClusterStartException(
            "no free network was found between 172.28.0.0 and 172.31.255.0; remove unused ones: docker network prune");
    }

    private static bool InBlock(string prefix, IPAddress address) =>
        address.ToString().StartsWith(prefix + ".", StringComparison.Ordinal);

    /// <summary>Subnets of the engine's networks and of this machine's interfaces.</summary>
    private static async Task<List<IPNetwork>> TakenAsync(Engine engine, CancellationToken cancel)
    {
        var taken = new List<IPNetwork>();
        cancel.ThrowIfCancellationRequested();
        var networks = await Engine.CallAsync(
            c => engine.Client.Networks.ListNetworksAsync(new NetworksListParameters(), c)).ConfigureAwait(false);
        foreach (var subnet in networks.SelectMany(n => n.IPAM?.Config ?? []).Select(c => c.Subnet))
        {
            if (IPNetwork.TryParse(subnet, out var network))
            {
                taken.Add(network);
            }
        }

        foreach (var address in NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork))
        {
            var bytes = address.Address.GetAddressBytes();
            var mask = address.IPv4Mask.GetAddressBytes();
            taken.Add(new IPNetwork(new IPAddress([.. bytes.Zip(mask, (b, m) => (byte)(b & m))]), address.PrefixLength));
        }

        return taken;
    }
}
