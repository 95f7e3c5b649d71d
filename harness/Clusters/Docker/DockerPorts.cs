using System.Globalization;
using Docker.DotNet.Models;

namespace Testbed.Harness.Clusters.Docker;

/// <summary>Ports in an engine's words.</summary>
internal static class DockerPorts
{
    /// <summary>A TCP port of a container.</summary>
    public static string Tcp(int port) => string.Create(CultureInfo.InvariantCulture, $"{port}/tcp");

    /// <summary>
    /// Where a port is published: on the loopback interface of this machine, or, since the loopback of
    /// another machine is out of reach, on all interfaces of the engine's.
    /// </summary>
    public static IList<PortBinding> Binding(string publishedHost, int port) =>
    [
        new PortBinding
        {
            HostIP = publishedHost == "127.0.0.1" ? "127.0.0.1" : "",
            HostPort = port.ToString(CultureInfo.InvariantCulture),
        },
    ];
}
