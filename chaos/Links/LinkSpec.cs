using System.Net;

namespace Testbed.Links;

/// <summary>
/// One directed link: <paramref name="From"/> dials <paramref name="Listen"/> and believes to speak with
/// <paramref name="To"/>, which lives at <paramref name="Target"/>. Bytes go both ways over it.
/// </summary>
/// <param name="From">Who dials.</param>
/// <param name="To">Who is dialled.</param>
/// <param name="Listen">Where the proxy accepts the link's connections.</param>
/// <param name="Target">Where the dialled party really listens.</param>
internal sealed record LinkSpec(string From, string To, IPEndPoint Listen, IPEndPoint Target)
{
    /// <summary>Name in commands and counters, <c>n0>n1</c>.</summary>
    public string Name => PairName(From, To);

    /// <summary>Name of the bytes that go from one party to another, whoever dialled.</summary>
    public static string PairName(string source, string sink) => source + ">" + sink;
}
