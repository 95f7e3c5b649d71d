namespace Testbed.Harness.Clusters.Docker.Resources;

/// <summary>What a container has used since it was last started.</summary>
internal interface INodeResources : IDisposable
{
    /// <summary>Its use now, empty values where nothing is known; never throws.</summary>
    NodeUse Read();

    /// <summary>Periods in which the CPU quota was used up, and all; null when it is not known (yet).</summary>
    (long Throttled, long All)? Throttling();
}
