namespace Testbed.Workloads;

/// <summary>A workload file: its name as errors show it, and its text.</summary>
public sealed record WorkloadFile(string Name, string Text)
{
    /// <summary>Short names of the workloads that come with this program.</summary>
    public static IReadOnlyList<string> ShippedNames { get; } = ["a", "b", "c", "d", "e", "f"];

    /// <summary>
    /// The shipped workload <c>a</c> to <c>f</c> (also <c>workloada</c>, either case); null for other names.
    /// </summary>
    public static WorkloadFile? Shipped(string name)
    {
        const string prefix = "workload";
        var isLong = name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
        var letter = isLong ? name[prefix.Length..] : name;
        foreach (var known in ShippedNames)
        {
            if (string.Equals(known, letter, StringComparison.OrdinalIgnoreCase))
            {
                using var stream = typeof(WorkloadFile).Assembly.GetManifestResourceStream(prefix + known)
                    ?? throw new InvalidOperationException($"resource {prefix}{known} is missing from the assembly");
                using var reader = new StreamReader(stream);
                return new WorkloadFile(prefix + known, reader.ReadToEnd());
            }
        }

        return null;
    }
}

/// <summary>
/// What came of reading a workload: a spec, or errors, each one line that says where, what and what to do.
/// </summary>
public sealed record WorkloadParseResult(
    WorkloadSpec? Spec, IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings);
