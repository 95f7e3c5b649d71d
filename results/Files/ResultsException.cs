namespace Testbed.Results;

/// <summary>
/// Results cannot be written or read. The message is one line for people and says what to do about it.
/// </summary>
public sealed class ResultsException : Exception
{
    /// <summary>Creates it.</summary>
    public ResultsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
