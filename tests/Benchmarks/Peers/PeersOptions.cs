using System.Globalization;

namespace Testbed.Benchmarks.Peers;

/// <summary>What to measure, and with what.</summary>
internal sealed record PeersOptions
{
    private const int MostClients = 4096;

    /// <summary>Who is measured; without the other there are figures and no ratios.</summary>
    public IReadOnlyList<string> Systems { get; init; } = PeerSystems.All;

    /// <summary>Cluster sizes.</summary>
    public IReadOnlyList<int> Nodes { get; init; } = [3, 5];

    /// <summary>Concurrent callers.</summary>
    public IReadOnlyList<int> Clients { get; init; } = [1, 16, 64, 256];

    /// <summary>Fresh clusters of each system and size.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Measured time of each cell.</summary>
    public TimeSpan Measured { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Time before it that is not counted.</summary>
    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time of puts, and of gets, before the first cell of each cluster.</summary>
    public TimeSpan Heat { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Kills of a leader for each system and size, over all rounds.</summary>
    public int Kills { get; init; } = 10;

    /// <summary>Rest after a killed node is back.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(1);

    public int Records { get; init; } = 10_000;

    public int ValueBytes { get; init; } = 1024;

    /// <summary>A node program of ours built ahead of time; null: the one beside the harness.</summary>
    public string? NodeProgram { get; init; }

    /// <summary>The etcd program; null: searched for.</summary>
    public string? Etcd { get; init; }

    /// <summary>Both systems' data go below this folder, so that they share a disk.</summary>
    public string DataFolder { get; init; } = DefaultDataFolder();

    /// <summary>Where CSV and PNG go.</summary>
    public string Output { get; init; } = Path.Combine("artifacts", "peers");

    /// <summary>Less than a minute: that it works, not how fast.</summary>
    public static PeersOptions Quick { get; } = new()
    {
        Nodes = [3],
        Clients = [1, 16],
        Rounds = 1,
        Measured = TimeSpan.FromSeconds(1),
        Warmup = TimeSpan.FromSeconds(0.3),
        Heat = TimeSpan.FromSeconds(0.5),
        Kills = 1,
        Settle = TimeSpan.FromSeconds(0.1),
        Records = 500,
    };

    /// <summary>Reads the command line; throws <see cref="FormatException"/> with one line.</summary>
    public static PeersOptions Parse(IReadOnlyList<string> words)
    {
        var options = words.Contains("--quick") ? Quick : new PeersOptions();
        for (var i = 0; i < words.Count; i++)
        {
            if (words[i] == "--quick")
            {
                continue;
            }

            var value = i + 1 < words.Count ? words[i + 1] : throw new FormatException($"{words[i]} needs a value");
            options = words[i++] switch
            {
                "--systems" => options with { Systems = Named(value) },
                "--nodes" => options with { Nodes = Numbers(value, 1, 9) },
                "--clients" => options with { Clients = Numbers(value, 1, MostClients) },
                "--rounds" => options with { Rounds = Number(value, 1, 1000) },
                "--seconds" => options with { Measured = TimeSpan.FromSeconds(Number(value, 1, 600)) },
                "--kills" => options with { Kills = Number(value, 0, 1000) },
                "--node-program" => options with { NodeProgram = Existing(value) },
                "--etcd" => options with { Etcd = Existing(value) },
                "--data" => options with { DataFolder = Path.GetFullPath(value) },
                "--output" => options with { Output = value },
                var name => throw new FormatException($"there is no option {name}"),
            };
        }

        return options;
    }

    // In memory a sync costs nothing: such a temporary folder would make fsync a word.
    internal static string DefaultDataFolder()
    {
        var temporary = Path.GetTempPath();
        return OperatingSystem.IsLinux() && new DriveInfo(temporary).DriveFormat == "tmpfs"
            ? Path.GetFullPath("artifacts")
            : temporary;
    }

    private static string[] Named(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries);
        return names.All(PeerSystems.All.Contains) ? names : throw new FormatException($"{text} names no system");
    }

    private static string Existing(string path) =>
        File.Exists(path) ? Path.GetFullPath(path) : throw new FormatException($"{path} does not exist");

    private static int[] Numbers(string text, int least, int most) =>
        [.. text.Split(',').Select(word => Number(word, least, most)).Distinct().Order()];

    private static int Number(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= least && number <= most
            ? number
            : throw new FormatException(string.Create(
                CultureInfo.InvariantCulture, $"'{text}' is not a number from {least} to {most}"));
}
