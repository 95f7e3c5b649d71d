using System.Globalization;
using Testbed.Harness.Runs;
using Testbed.Workloads;

namespace Testbed.Harness.Cli;

/// <summary>Finds the workload that options mean.</summary>
internal static class WorkloadChoice
{
    private static readonly string[] LengthNames = ["fieldcount", "fieldlength", "valuesize", "minvaluesize"];

    /// <summary>
    /// The resolved workload and its warnings. The size of a shipped workload is YCSB's tiny example; unless
    /// something says otherwise it becomes <see cref="RunOptions.DefaultRecords"/> records of
    /// <see cref="RunOptions.DefaultValueBytes"/>. Throws <see cref="UsageException"/> with one line.
    /// </summary>
    public static (WorkloadSpec Spec, IReadOnlyList<string> Warnings) Resolve(RunOptions options, string folder)
    {
        var shipped = WorkloadFile.Shipped(options.Workload);
        var overrides = options.Properties.Select(p => $"{p.Key}={p.Value}").ToList();
        var records = options.Records
            ?? (shipped is not null && !options.Properties.ContainsKey("recordcount") ? RunOptions.DefaultRecords : null);
        var bytes = options.ValueBytes
            ?? (shipped is not null && !LengthNames.Any(options.Properties.ContainsKey) ? RunOptions.DefaultValueBytes : null);
        Set("recordcount", records, "--records");
        Set("valuesize", bytes, "--value-size");
        var result = WorkloadSpec.Parse(shipped ?? Read(options.Workload, folder), overrides, path => ReadText(path, folder));
        return (result.Spec ?? throw new UsageException(result.Errors[0]), result.Warnings);

        void Set(string name, long? value, string option)
        {
            if (value is not { } number)
            {
                return;
            }

            var text = number.ToString(CultureInfo.InvariantCulture);
            if (options.Properties.TryGetValue(name, out var other) && other != text)
            {
                throw new UsageException($"{option} {text} and -p {name}={other} contradict each other");
            }

            overrides.Add($"{name}={text}");
        }
    }

    private static WorkloadFile Read(string path, string folder) => ReadText(path, folder) is { } text
        ? new WorkloadFile(path, text)
        : throw new UsageException($"--workload: '{path}' is neither a shipped workload ("
            + string.Join(", ", WorkloadFile.ShippedNames) + ") nor a file that can be read");

    private static string? ReadText(string path, string folder)
    {
        try
        {
            return File.ReadAllText(Path.GetFullPath(path, folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
