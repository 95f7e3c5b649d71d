namespace Testbed.Harness.Clusters.Docker;

/// <summary>
/// The engine is not there, refused, or did not answer in time. The message is one line for a person.
/// </summary>
public sealed class EngineException(string message) : Exception(message);
