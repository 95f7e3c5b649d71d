using System.Globalization;

namespace Testbed.Workloads.Properties;

/// <summary>
/// The properties in force, read one by one; problems become lines in <see cref="Errors"/>.
/// </summary>
internal sealed class PropertyBag(string fileName)
{
    private readonly Dictionary<string, PropertyLine> _lines = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _resolved = new(StringComparer.Ordinal);

    /// <summary>One line each: where, what is wrong, what to do.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>One line each.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Every property that was asked for, as resolved.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Resolved => [.. _resolved];

    /// <summary>Takes a property; one given before under this name is replaced.</summary>
    public void Set(in PropertyLine line) => _lines[line.Name] = line;

    /// <summary>True when the property was given.</summary>
    public bool Has(string name) => _lines.ContainsKey(name);

    /// <summary>Where a property was given; the file's name when it was not.</summary>
    public string Where(string name) => _lines.TryGetValue(name, out var line) ? line.Where : fileName;

    /// <summary>Adds an error about a property.</summary>
    public void Error(string name, string text) => Errors.Add($"{Where(name)}: {text}");

    /// <summary>Adds a warning about a property.</summary>
    public void Warn(string name, string text) => Warnings.Add($"{Where(name)}: {text}");

    /// <summary>A whole number within bounds.</summary>
    public long Number(string name, long fallback, long min, long max)
    {
        var value = fallback;
        if (_lines.TryGetValue(name, out var line)
            && (!long.TryParse(line.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
                || value < min || value > max))
        {
            Error(name, $"{name}={line.Value} is not right; give a whole number from {Text(min)} to {Text(max)}");
            value = fallback;
        }

        Resolve(name, Text(value));
        return value;
    }

    /// <summary>A number within bounds.</summary>
    public double Real(string name, double fallback, double min, double max, string range)
    {
        var value = fallback;
        if (_lines.TryGetValue(name, out var line)
            && (!double.TryParse(line.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                || !(value >= min && value <= max)))
        {
            Error(name, $"{name}={line.Value} is not right; give a number {range}");
            value = fallback;
        }

        Resolve(name, value.ToString("R", CultureInfo.InvariantCulture));
        return value;
    }

    /// <summary>true or false, in either case.</summary>
    public bool Flag(string name, bool fallback)
    {
        var value = fallback;
        if (_lines.TryGetValue(name, out var line) && !bool.TryParse(line.Value, out value))
        {
            Error(name, $"{name}={line.Value} is not right; give true or false");
            value = fallback;
        }

        Resolve(name, value ? "true" : "false");
        return value;
    }

    /// <summary>Index of one of the allowed words.</summary>
    public int Word(string name, int fallback, IReadOnlyList<string> allowed)
    {
        var value = fallback;
        if (_lines.TryGetValue(name, out var line))
        {
            value = -1;
            for (var i = 0; i < allowed.Count; i++)
            {
                value = allowed[i] == line.Value ? i : value;
            }

            if (value < 0)
            {
                var nearest = PropertyNames.Nearest(line.Value, allowed);
                var hint = nearest is null ? "" : $" (did you mean {nearest}?)";
                var words = string.Join(", ", allowed);
                Error(name, $"{name}={line.Value} is not right; give one of {words}{hint}");
                value = fallback;
            }
        }

        Resolve(name, allowed[value]);
        return value;
    }

    /// <summary>Any text.</summary>
    public string Plain(string name, string fallback)
    {
        var value = _lines.TryGetValue(name, out var line) ? line.Value : fallback;
        Resolve(name, value);
        return value;
    }

    private void Resolve(string name, string value) => _resolved[name] = value;

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
