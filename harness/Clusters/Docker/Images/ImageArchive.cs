using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Testbed.Harness.Clusters.Docker.Images;

/// <summary>
/// An image as the archive that an engine loads: one layer of files, a configuration, a manifest. Needs no
/// builder and no registry. The same content gives the same layer.
/// </summary>
internal static class ImageArchive
{
    /// <summary>User and group of the programs: nobody in particular, certainly not root.</summary>
    public const int UserId = 65532;

    /// <summary>Folder for data, owned by the user of the programs.</summary>
    public const string DataFolder = "data";

    /// <summary>The content's identity: paths, rights and bytes of all files, and the settings.</summary>
    public static string HashOf(ProgramFiles program, string architecture)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, FormattableString.Invariant($"layout 2;{architecture};{UserId};{string.Join(' ', program.Entry)}\n"));
        foreach (var file in Ordered(program))
        {
            using var stream = File.OpenRead(file.Source);
            Append(hash, FormattableString.Invariant($"{file.Path};{file.Executable};"));
            hash.AppendData(SHA256.HashData(stream));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>Writes the archive.</summary>
    public static void Write(Stream target, ProgramFiles program, string architecture, string hash, IReadOnlyList<string> tags)
    {
        var layerFile = Path.GetTempFileName();
        try
        {
            using var layer = new FileStream(layerFile, FileMode.Create, FileAccess.ReadWrite);
            WriteLayer(layer, program);
            layer.Position = 0;
            var layerHash = Convert.ToHexStringLower(SHA256.HashData(layer));
            var config = Configuration(program, architecture, hash, layerHash);
            var configName = Convert.ToHexStringLower(SHA256.HashData(config)) + ".json";
            using var archive = new TarWriter(target, TarEntryFormat.Ustar, leaveOpen: true);
            Add(archive, configName, new MemoryStream(config));
            layer.Position = 0;
            Add(archive, layerHash + "/layer.tar", layer);
            Add(archive, "manifest.json", new MemoryStream(Manifest(configName, layerHash + "/layer.tar", tags)));
        }
        finally
        {
            File.Delete(layerFile);
        }
    }

    private static void WriteLayer(Stream layer, ProgramFiles program)
    {
        using var tar = new TarWriter(layer, TarEntryFormat.Gnu, leaveOpen: true);
        var folders = new SortedSet<string>(StringComparer.Ordinal) { "tmp" };
        foreach (var file in Ordered(program))
        {
            for (var slash = file.Path.LastIndexOf('/'); slash > 0; slash = file.Path.LastIndexOf('/', slash - 1))
            {
                folders.Add(file.Path[..slash]);
            }
        }

        foreach (var folder in folders)
        {
            tar.WriteEntry(Folder(folder, folder == "tmp" ? Mode("1777") : Mode("755"), 0));
        }

        tar.WriteEntry(Folder(DataFolder, Mode("755"), UserId));
        foreach (var file in Ordered(program))
        {
            using var content = File.OpenRead(file.Source);
            tar.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, file.Path)
            {
                DataStream = content,
                Mode = file.Executable ? Mode("755") : Mode("644"),
                ModificationTime = DateTimeOffset.UnixEpoch,
            });
        }
    }

    private static GnuTarEntry Folder(string path, UnixFileMode mode, int owner) => new(TarEntryType.Directory, path + "/")
    {
        Mode = mode,
        Uid = owner,
        Gid = owner,
        ModificationTime = DateTimeOffset.UnixEpoch,
    };

    private static byte[] Configuration(ProgramFiles program, string architecture, string hash, string layerHash)
    {
        var created = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var health = program.Health is not { } command ? null : new Dictionary<string, object>
        {
            ["Test"] = (string[])["CMD", .. command],
            ["Interval"] = 5_000_000_000L,
            ["Timeout"] = 3_000_000_000L,
            ["StartPeriod"] = 20_000_000_000L,
            ["Retries"] = 5,
        };
        return JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["created"] = created,
            ["config"] = new Dictionary<string, object?>
            {
                ["Healthcheck"] = health,
                ["User"] = FormattableString.Invariant($"{UserId}:{UserId}"),
                ["Entrypoint"] = program.Entry,
                ["WorkingDir"] = "/" + DataFolder,
                ["StopSignal"] = "SIGTERM",
                ["Env"] = new[] { "DOTNET_EnableDiagnostics=0", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "DOTNET_gcServer=0" },
                ["Labels"] = new Dictionary<string, string>
                {
                    [DockerLabels.Image] = hash,
                    ["org.opencontainers.image.title"] = "testbed-node",
                    ["io.testbed.build"] = program.Build,
                },
            },
            ["rootfs"] = new Dictionary<string, object>
            {
                ["type"] = "layers",
                ["diff_ids"] = new[] { "sha256:" + layerHash },
            },
            ["history"] = new[]
            {
                new Dictionary<string, object> { ["created"] = created, ["created_by"] = "harness" },
            },
        });
    }

    private static byte[] Manifest(string config, string layer, IReadOnlyList<string> tags) =>
        JsonSerializer.SerializeToUtf8Bytes(new[]
        {
            new Dictionary<string, object> { ["Config"] = config, ["RepoTags"] = tags, ["Layers"] = new[] { layer } },
        });

    private static void Add(TarWriter archive, string name, Stream content) =>
        archive.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = content,
            Mode = Mode("644"),
            ModificationTime = DateTimeOffset.UnixEpoch,
        });

    private static IEnumerable<ImageFile> Ordered(ProgramFiles program) =>
        program.Files.OrderBy(f => f.Path, StringComparer.Ordinal);

    private static UnixFileMode Mode(string octal) => (UnixFileMode)Convert.ToInt32(octal, 8);

    private static void Append(IncrementalHash hash, string text) => hash.AppendData(Encoding.UTF8.GetBytes(text));
}
