using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Testbed.Wire;

/// <summary>
/// A protocol invariant did not hold: the process must stop before it answers anything else.
/// </summary>
public sealed class InvariantViolation(string message) : Exception(message);

/// <summary>Checks that stay on in every build. Ids are those of docs/INVARIANTS.md.</summary>
public static class Invariant
{
    /// <summary>
    /// Throws <see cref="InvariantViolation"/> naming <paramref name="id"/> unless the condition holds.
    /// </summary>
    public static void Holds([DoesNotReturnIf(false)] bool condition, string id,
        [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition)
        {
            Fail(id, expression);
        }
    }

    [DoesNotReturn]
    private static void Fail(string id, string expression) =>
        throw new InvariantViolation($"invariant {id} does not hold: {expression}");
}
