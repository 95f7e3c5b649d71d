using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Testbed.Harness.Clusters.Processes;

/// <summary>
/// Finds free loopback ports. They lie below the range the system takes for outgoing connections: while a
/// node is down, a reconnecting client could otherwise get the node's own port as its source port, and the
/// node could not come back.
/// </summary>
internal static class Ports
{
    private const int First = 15_000;
    private const int Last = 32_000;
    private const int MaxTries = 2_000;

    /// <summary>
    /// Different ports that were free a moment ago. They may be lost to another process; callers try again
    /// then.
    /// </summary>
    public static IReadOnlyList<int> Choose(int count)
    {
        var ports = new List<int>();
        for (var tries = 0; ports.Count < count && tries < MaxTries && RangeIsOurs(); tries++)
        {
            var port = RandomNumberGenerator.GetInt32(First, Last);
            if (!ports.Contains(port) && IsFree(port))
            {
                ports.Add(port);
            }
        }

        return ports.Count == count ? ports : ChosenBySystem(count);
    }

    /// <summary>True when a listener can be bound to the loopback port now.</summary>
    public static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.ExclusiveAddressUse = true;
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static IReadOnlyList<int> ChosenBySystem(int count)
    {
        // All are held until all are known, or the system could hand out the same one twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(l => l.Start());
            return [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(l => l.Dispose());
        }
    }

    private static bool RangeIsOurs()
    {
        const string file = "/proc/sys/net/ipv4/ip_local_port_range";
        if (!OperatingSystem.IsLinux() || !File.Exists(file))
        {
            return true;
        }

        var words = File.ReadAllText(file).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 2
            && int.TryParse(words[0], CultureInfo.InvariantCulture, out var low)
            && int.TryParse(words[1], CultureInfo.InvariantCulture, out var high)
            && (low >= Last || high < First);
    }
}
