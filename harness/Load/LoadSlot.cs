using Testbed.Client;
using Testbed.Workloads;
using Workload = Testbed.Workloads.Operation;

namespace Testbed.Harness.Load;

/// <summary>
/// One operation in flight and its buffers, used again and again. Filled and read by the engine's owner;
/// between submission and completion it belongs to the client.
/// </summary>
internal sealed class LoadSlot(LoadEngine engine, int process, int maxKeyBytes) : KvOperation
{
    private byte[] _value = [];

    /// <summary>Number of the logical client in the history; a new one after an unknown outcome.</summary>
    public int Process = process;

    /// <summary>The operation of the workload under way.</summary>
    public Workload Work;

    /// <summary>When the schedule wanted it.</summary>
    public long IntendedNanos;

    /// <summary>When its first request was sent.</summary>
    public long StartNanos;

    /// <summary>When the request under way was sent.</summary>
    public long RequestNanos;

    /// <summary>When the request under way ended; written on the client's loop.</summary>
    public long EndNanos;

    /// <summary>Hash of the key's name.</summary>
    public ulong KeyHash;

    /// <summary>Identity of the value being written.</summary>
    public ulong WriteIdentity;

    /// <summary>Identity read; written on the client's loop.</summary>
    public ulong ReadIdentity;

    /// <summary>What the value read looks like; written on the client's loop.</summary>
    public RecordCheck Check;

    /// <summary>True when the first request of two already needed parity.</summary>
    public bool FirstDegraded;

    /// <summary>True while a request is with the client.</summary>
    public bool InFlight;

    /// <summary>The client never ended it; a late completion is ignored.</summary>
    public bool Abandoned;

    /// <summary>Attempts at this operation, for phases that try again.</summary>
    public int Attempts;

    /// <summary>When a resting slot goes on.</summary>
    public long ReadyNanos;

    /// <summary>Next in the list of finished slots.</summary>
    public LoadSlot? NextFinished;

    /// <summary>Room for a key that is not in the table.</summary>
    public byte[] KeyBuffer { get; } = new byte[maxKeyBytes];

    /// <summary>
    /// The first <paramref name="bytes"/> bytes of the value buffer, which grows as needed.
    /// </summary>
    public Memory<byte> ValueBuffer(int bytes)
    {
        if (_value.Length < bytes)
        {
            _value = GC.AllocateUninitializedArray<byte>(bytes);
        }

        return new Memory<byte>(_value, 0, bytes);
    }

    /// <inheritdoc/>
    protected override void OnCompleted()
    {
        EndNanos = engine.Clock.NowNanos;
        if (Outcome == Outcome.Ok && Kind == OperationKind.Get)
        {
            // Here rather than under the owner: values are checked on the client's loops, and none is kept.
            Check = RecordValue.Check(Result.Span, KeyHash, out ReadIdentity);
            if (Work.IsPartial && Check == RecordCheck.Whole)
            {
                Result.CopyTo(ValueBuffer(Result.Length));
            }
        }
        else if (Outcome == Outcome.Ok && Kind == OperationKind.Scan)
        {
            Check = CheckEntries();
        }

        engine.Finished(this);
    }

    private RecordCheck CheckEntries()
    {
        if (Entries is not { } entries)
        {
            return RecordCheck.Whole;
        }

        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (!engine.Keys.IsOwn(entry.Key.Span))
            {
                // Past the last key of this run: what others wrote there need not look like ours.
                continue;
            }

            var check = RecordValue.Check(entry.Value.Span, RecordValue.HashKey(entry.Key.Span), out _);
            if (check != RecordCheck.Whole)
            {
                return check;
            }
        }

        return RecordCheck.Whole;
    }
}
