using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Testbed.Results;

namespace Testbed.Reports;

/// <summary>Reads a run folder. Columns are found by name; missing files are empty lists, as in interrupted runs.</summary>
internal static class FolderReader
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>Reads it.</summary>
    public static RunData Read(string folder) => new()
    {
        Folder = folder,
        Manifest = Document<Manifest>(folder, "manifest.json"),
        Summary = Document<Summary>(folder, "summary.json"),
        Windows = Table<WindowRow>(folder, "windows.csv"),
        Latencies = Table<LatencyRow>(folder, "latency.csv"),
        Faults = Table<FaultRow>(folder, "faults.csv"),
        Nodes = Table<NodeRow>(folder, "nodes.csv"),
    };

    private static T Document<T>(string folder, string name)
    {
        using FileStream file = File.OpenRead(Path.Combine(folder, name));
        return JsonSerializer.Deserialize<T>(file, Json) ?? throw new InvalidDataException($"{name} is empty");
    }

    private static List<T> Table<T>(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            return [];
        }

        ParameterInfo[] parameters = typeof(T).GetConstructors().OrderByDescending(c => c.GetParameters().Length).First().GetParameters();
        List<T> rows = [];
        string[]? headers = null;
        foreach (string[] fields in Records(File.ReadAllText(path)))
        {
            if (headers is null)
            {
                headers = [.. fields.Select(Key)];
                continue;
            }

            object?[] values = [.. parameters.Select(p =>
            {
                int column = Array.IndexOf(headers, Key(p.Name!));
                return Value(column >= 0 && column < fields.Length ? fields[column] : "", p.ParameterType);
            })];
            rows.Add((T)Activator.CreateInstance(typeof(T), values)!);
        }

        return rows;
    }

    private static object? Value(string text, Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain == typeof(string) ? text
            : text.Length == 0 ? (plain == type ? Activator.CreateInstance(type) : null)
            : Convert.ChangeType(text, plain, CultureInfo.InvariantCulture);
    }

    private static string Key(string name) => name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    private static IEnumerable<string[]> Records(string text)
    {
        List<string> fields = [];
        StringBuilder field = new();
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quoted && c == '"' && i + 1 < text.Length && text[i + 1] == '"')
            {
                field.Append('"');
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (!quoted && (c is ',' or '\n'))
            {
                fields.Add(field.ToString());
                field.Clear();
                if (c == '\n')
                {
                    yield return [.. fields];
                    fields.Clear();
                }
            }
            else if (quoted || c != '\r')
            {
                field.Append(c);
            }
        }
    }
}
