using Testbed.Store;

namespace Testbed.Simulator;

/// <summary>
/// Memory that one simulation leaves to the next: stores begin with a mebibyte each, which costs more than a
/// small cluster's whole life with it. Belongs to one thread; results do not depend on it.
/// </summary>
public sealed class SimulationMemory
{
    private const int MostStores = 64;

    private readonly Stack<KvStore> _stores = new();

    /// <summary>An empty store.</summary>
    internal KvStore TakeStore() => _stores.TryPop(out var store) ? store : new KvStore();

    /// <summary>Takes a store back that holds no other keys than these.</summary>
    internal void GiveBack(KvStore store, IReadOnlyList<ReadOnlyMemory<byte>> keys)
    {
        store.CancelSnapshot();
        foreach (var key in keys)
        {
            store.Delete(key.Span);
        }

        if (store.Count == 0 && _stores.Count < MostStores)
        {
            _stores.Push(store);
        }
    }
}
