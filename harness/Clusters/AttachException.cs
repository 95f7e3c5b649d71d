namespace Testbed.Harness.Clusters;

/// <summary>A cluster that should be running cannot be reached. The message is one line for a person.</summary>
public sealed class AttachException(string message) : Exception(message);
