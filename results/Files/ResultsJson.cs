using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Testbed.Results;

/// <summary>JSON of the run folder: indented, snake_case, LF, written by generated code.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.Never)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(Summary))]
[JsonSerializable(typeof(VerdictFile))]
internal sealed partial class ResultsJson : JsonSerializerContext
{
    /// <summary>Writes a file whole.</summary>
    public static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
        PartialFile.WriteText(path, [.. bytes, (byte)'\n']);
    }

    /// <summary>
    /// Reads a file; null when it does not exist, <see cref="ResultsException"/> when it is something else.
    /// </summary>
    public static T? Read<T>(string path, JsonTypeInfo<T> type, string schema)
        where T : class
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var bytes = File.ReadAllBytes(path);
            using (var document = JsonDocument.Parse(bytes))
            {
                var found = document.RootElement.ValueKind == JsonValueKind.Object
                    && document.RootElement.TryGetProperty("schema", out var named)
                    ? named.ToString()
                    : "none";
                if (found != schema)
                {
                    throw new ResultsException($"{path} has schema '{found}', this version reads '{schema}'.");
                }
            }

            return JsonSerializer.Deserialize(bytes, type);
        }
        catch (JsonException e)
        {
            throw new ResultsException($"{path} is malformed: {e.Message}", e);
        }
    }
}
