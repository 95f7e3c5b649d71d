namespace Testbed.Tests.Unit.Support;

/// <summary>Counts bytes that code allocates.</summary>
internal static class Allocation
{
    /// <summary>
    /// The least this thread allocated in one of several equal rounds. The runtime now and then charges a
    /// thread with a buffer it needs for itself; what the code allocates it allocates in every round.
    /// </summary>
    public static long Least(Action round, int rounds = 8)
    {
        var least = long.MaxValue;
        for (var i = 0; i < rounds && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
