using Testbed.Faults;

namespace Testbed.Injectors;

/// <summary>
/// Where a <see cref="FaultExecutor"/> says what becomes of each fault. Calls come one at a time, from any
/// thread.
/// </summary>
public interface IFaultLog
{
    /// <summary>The newest state of one fault; the same id comes again with each step.</summary>
    void Updated(FaultRecord record);
}
