namespace Testbed.Harness.Cli;

/// <summary>Wrong usage: one line for a person, exit code 64.</summary>
public sealed class UsageException(string message) : Exception(message);
