namespace Testbed.Node;

/// <summary>What a node says about itself: one line per change of state, never data.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information,
        Message = "{Node} {Strategy} serves on {Address}, {Records} records recovered")]
    public static partial void Serves(this ILogger log, string node, string strategy, string address,
        long records);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning,
        Message = "listening on {Address} without authentication: everybody who reaches it can read and write")]
    public static partial void NoAuthentication(this ILogger log, string address);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "link to {Peer} is up")]
    public static partial void PeerUp(this ILogger log, string peer);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "link to {Peer} is down: {Reason}")]
    public static partial void PeerDown(this ILogger log, string peer, string reason);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning,
        Message = "{Damage}; the log was put aside in {Folder}, the node starts with an empty one")]
    public static partial void PutAside(this ILogger log, string damage, string folder);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "stops: {Reason}")]
    public static partial void Stops(this ILogger log, string reason);
}
