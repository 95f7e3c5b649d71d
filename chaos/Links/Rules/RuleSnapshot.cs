namespace Testbed.Links;

/// <summary>All rules of one moment. Immutable, but for the news that another one has taken its place.</summary>
internal sealed class RuleSnapshot(LinkRule[] rules)
{
    // Waiting pumps must not run inside the command that swaps the rules.
    private readonly TaskCompletionSource _superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when another snapshot has taken the place of this one.</summary>
    public Task Superseded => _superseded.Task;

    /// <summary>The rule for the bytes of a pair, by the number the board gave it.</summary>
    public ref readonly LinkRule Of(int pair) => ref rules[pair];

    /// <summary>Wakes those who wait for the next snapshot.</summary>
    public void Supersede() => _superseded.TrySetResult();
}
