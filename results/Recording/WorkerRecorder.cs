namespace Testbed.Results;

/// <summary>
/// Takes the completed operations of one worker. One thread at a time may record. Records lie in chunks that
/// the collector of <see cref="RunRecorder"/> reads behind the writer; a record costs one copy and one
/// release store.
/// </summary>
public sealed class WorkerRecorder
{
    internal const int ChunkLength = 1024;

    private readonly RunRecorder _owner;
    private Chunk _tail;
    private int _at;
    private Chunk _head;
    private int _read;

    internal WorkerRecorder(RunRecorder owner, Chunk first)
    {
        _owner = owner;
        _tail = first;
        _head = first;
    }

    internal sealed class Chunk
    {
        public readonly CompletedOperation[] Items = new CompletedOperation[ChunkLength];

        /// <summary>
        /// Items that are whole. Written by the worker after the item, read by the collector before it.
        /// </summary>
        public int Count;

        /// <summary>The chunk that follows, set by the worker once this one is full.</summary>
        public Chunk? Next;
    }

    /// <summary>
    /// Records an operation. Waits only when the collector is more than the recorder's limit behind.
    /// </summary>
    public void Record(in CompletedOperation operation)
    {
        if (_at == ChunkLength)
        {
            var next = _owner.TakeChunk();
            Volatile.Write(ref _tail.Next, next);
            _tail = next;
            _at = 0;
        }

        _tail.Items[_at] = operation;
        Volatile.Write(ref _tail.Count, ++_at);
    }

    /// <summary>Collector only: hands over everything recorded since the last call.</summary>
    internal void Drain(Action<ReadOnlySpan<CompletedOperation>> take)
    {
        while (true)
        {
            var count = Volatile.Read(ref _head.Count);
            if (count > _read)
            {
                take(_head.Items.AsSpan(_read, count - _read));
                _read = count;
            }

            if (_read < ChunkLength || Volatile.Read(ref _head.Next) is not { } next)
            {
                return;
            }

            var done = _head;
            _head = next;
            _read = 0;
            _owner.GiveBack(done);
        }
    }
}
