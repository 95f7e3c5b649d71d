using System.Globalization;
using System.Text;

namespace Testbed.Workloads;

/// <summary>A stream as text, for people and for comparing machines.</summary>
public static class WorkloadDump
{
    /// <summary>
    /// The run's first <paramref name="count"/> operations, one line each (<c>0 read
    /// user6284781860667377211</c>, a scan with <c>keys=N</c>, a write with <c>bytes=N</c> and, if partial,
    /// <c>field=N</c>), then a line with the FNV-1a hash of the lines before it, each with its line feed.
    /// </summary>
    public static IEnumerable<string> Lines(WorkloadSpec spec, ulong seed, long count)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var stream = new OperationStream(spec, seed);
        var keys = spec.CreateKeyFormat();
        var hash = Fnv.Begin();
        for (long i = 0; i < count; i++)
        {
            var line = Line(stream.Next(), keys);
            hash = Fnv.Append(Fnv.Append(hash, Encoding.UTF8.GetBytes(line)), "\n"u8);
            yield return line;
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"# {count} operations, fnv1a64 {hash:x16}");
    }

    private static string Line(in Operation operation, KeyFormat keys)
    {
        var name = operation.Type switch
        {
            WorkloadOperationType.Read => "read",
            WorkloadOperationType.Update => "update",
            WorkloadOperationType.Insert => "insert",
            WorkloadOperationType.Scan => "scan",
            WorkloadOperationType.ReadModifyWrite => "read-modify-write",
            _ => "delete",
        };
        var line = string.Create(
            CultureInfo.InvariantCulture, $"{operation.Sequence} {name} {keys.Text(operation.Key)}");
        if (operation.ScanLength > 0)
        {
            line += string.Create(CultureInfo.InvariantCulture, $" keys={operation.ScanLength}");
        }

        if (operation.ValueBytes > 0)
        {
            line += string.Create(CultureInfo.InvariantCulture, $" bytes={operation.ValueBytes}");
        }

        return operation.IsPartial
            ? line + string.Create(CultureInfo.InvariantCulture, $" field={operation.Field}")
            : line;
    }
}
