using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Testbed.Faults;

/// <summary>
/// A plan that cannot be carried out, or text that is not a plan. The message is one line for a person.
/// </summary>
public sealed class FaultPlanException(string message) : Exception(message);

/// <summary>
/// A schedule of faults as data: the same plan drives real clusters and the simulator. Saved before the run,
/// so that what was intended is known whatever happens.
/// </summary>
public sealed record FaultPlan
{
    /// <summary>Name and version of the JSON form.</summary>
    public const string Schema = "testbed.faults/1";

    /// <summary>Most faults of one plan.</summary>
    public const int MaxFaults = 10_000;

    /// <summary>Seed of everything the plan leaves open (which follower).</summary>
    public required ulong Seed { get; init; }

    /// <summary>The faults by time.</summary>
    public required IReadOnlyList<PlannedFault> Faults { get; init; }

    /// <summary>The JSON form, indented, ending with a line feed.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteString("schema", Schema);
            writer.WriteNumber("seed", Seed);
            writer.WriteStartArray("faults");
            foreach (var fault in Faults)
            {
                writer.WriteStartObject();
                writer.WriteNumber("id", fault.Id);
                writer.WriteString("kind", FaultKinds.NameOf(fault.Kind));
                writer.WriteString("target", fault.Target.ToString());
                writer.WriteNumber("at_ns", fault.AtNanos);
                if (fault.HealAtNanos is { } heal)
                {
                    writer.WriteNumber("heal_at_ns", heal);
                }

                if (fault.Amount is { } amount)
                {
                    writer.WriteNumber("amount", amount);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    /// <summary>
    /// Reads the JSON form; throws <see cref="FaultPlanException"/> with one line that says what is wrong.
    /// </summary>
    public static FaultPlan FromJson(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (Member(root, "schema").GetString() != Schema)
            {
                throw new FaultPlanException("not a fault plan: schema is not " + Schema);
            }

            var faults = new List<PlannedFault>();
            foreach (var element in Member(root, "faults").EnumerateArray())
            {
                if (faults.Count == MaxFaults)
                {
                    throw new FaultPlanException(FormattableString.Invariant($"more than {MaxFaults} faults"));
                }

                faults.Add(Read(element));
            }

            return new FaultPlan { Seed = Member(root, "seed").GetUInt64(), Faults = faults };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new FaultPlanException("not a fault plan: " + FirstLine(e.Message));
        }
    }

    private static PlannedFault Read(JsonElement element)
    {
        var kindText = Member(element, "kind").GetString() ?? "";
        var targetText = Member(element, "target").GetString() ?? "";
        if (!FaultKinds.TryParse(kindText, out var kind))
        {
            throw new FaultPlanException($"unknown fault '{kindText}': use {FaultKinds.AllNames}");
        }

        if (!FaultText.TryTarget(targetText, out var target))
        {
            throw new FaultPlanException($"unknown target '{targetText}': use a node such as n2, leader or follower");
        }

        long? heal = element.TryGetProperty("heal_at_ns", out var healElement) ? healElement.GetInt64() : null;
        var at = Member(element, "at_ns").GetInt64();
        if (at < 0 || heal <= at)
        {
            throw new FaultPlanException("a fault must begin at 0 or later and heal after it began");
        }

        return new PlannedFault
        {
            Id = Member(element, "id").GetInt32(),
            Kind = kind,
            Target = target,
            AtNanos = at,
            HealAtNanos = heal,
            Amount = element.TryGetProperty("amount", out var amount) ? amount.GetDouble() : null,
        };
    }

    private static JsonElement Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            ? value
            : throw new FaultPlanException($"not a fault plan: '{name}' is missing");

    private static string FirstLine(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? text : text[..end];
    }
}
