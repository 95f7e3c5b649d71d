namespace Testbed.Injectors;

/// <summary>
/// A node could not be acted upon (already down, signal refused). The message is one line for a person.
/// </summary>
public sealed class NodeControlException(string message) : Exception(message);
