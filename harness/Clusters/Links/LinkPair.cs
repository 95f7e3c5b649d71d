namespace Testbed.Harness.Clusters.Links;

/// <summary>The bytes one party sends to another, whoever dialled the connection they travel on.</summary>
/// <param name="Source">Who sends: a node's name or <see cref="LinkPlan.Client"/>.</param>
/// <param name="Sink">Who is meant to get them.</param>
internal readonly record struct LinkPair(string Source, string Sink)
{
    /// <summary>The form the link proxy knows, <c>n0>n1</c>.</summary>
    public override string ToString() => Source + ">" + Sink;
}
