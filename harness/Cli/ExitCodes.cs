namespace Testbed.Harness.Cli;

/// <summary>What the process's exit code says; part of the interface.</summary>
public static class ExitCodes
{
    /// <summary>All is well.</summary>
    public const int Ok = 0;

    /// <summary>A threshold was missed; for <c>get</c>: the key is absent.</summary>
    public const int Missed = 1;

    /// <summary>The history is not linearizable.</summary>
    public const int Invalid = 2;

    /// <summary>The history could not be decided.</summary>
    public const int Undecided = 3;

    /// <summary>
    /// The run proves nothing: generator saturated, fault not applied, cluster did not start. Of other verbs: the
    /// cluster cannot do what was asked, or not now.
    /// </summary>
    public const int Void = 4;

    /// <summary>Wrong usage.</summary>
    public const int Usage = 64;

    /// <summary>A bug in the harness.</summary>
    public const int Bug = 70;

    /// <summary>Interrupted.</summary>
    public const int Interrupted = 130;
}
