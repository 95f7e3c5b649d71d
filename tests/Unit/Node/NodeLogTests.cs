extern alias node;

using node::Testbed.Client.Links;
using node::Testbed.Node;
using node::Testbed.Node.Disk;
using Testbed.Log;
using Testbed.Tests.Unit.Log;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Node;

/// <summary>The two logs a node's loop can have: the writer of the log on disk, and that of level memory.</summary>
public sealed class NodeLogTests
{
    private const int Record = 1200;
    private static readonly LogOptions Small = new() { SegmentBytes = 4096 };

    [Fact]
    public async Task Sequences_go_on_where_the_log_ended_though_its_beginning_was_released()
    {
        var disk = new MemoryLogDirectory();
        for (var life = 0; life < 2; life++)
        {
            var writer = new Writer(disk);
            Assert.Equal(life * 8, writer.Log.Durable.Value);
            for (var i = 0; i < 8; i++)
            {
                await writer.AppendAsync();
            }

            writer.Log.Release(new LogSequence(writer.Log.Appended.Value - 3));
            writer.Log.HandOver();
            writer.Log.Stop();
        }

        // Three records fit into a segment.
        Assert.Equal(16, (int)Opened(disk).LastSequence);
        Assert.Equal(13, (int)Opened(disk).FirstSequence);
    }

    [Fact]
    public async Task A_release_waits_for_what_was_appended_before_it()
    {
        var disk = new MemoryLogDirectory();
        var writer = new Writer(disk);
        for (var i = 0; i < 8; i++)
        {
            await writer.AppendAsync();
        }

        disk.FailSyncs = true;
        writer.Log.Append(1, [], new byte[10]);
        writer.Log.Release(new LogSequence(6));
        writer.Log.HandOver();
        await writer.Failed.Task.WaitAsync(TestContext.Current.CancellationToken);
        writer.Log.Stop();
        disk.FailSyncs = false;
        Assert.Equal(["0000000001.wal", "0000000002.wal", "0000000003.wal"], disk.List());
    }

    [Fact]
    public async Task At_level_memory_nothing_is_held_and_the_core_hears_in_the_same_batch_that_records_are_durable()
    {
        var core = new RecordingCore();
        var sink = new Sink();
        var loop = new NodeLoop(
            core, new VolatileLog(), TimeProvider.System, fault => Assert.Fail(fault.ToString()));
        loop.Register(RecordingCore.Client, new Outbox(new BufferPool(), sink, 1 << 20, new ByteCounters()));
        loop.Start();
        await sink.Sent.Task.WaitAsync(TestContext.Current.CancellationToken);
        loop.Stop();
        Assert.Equal(["tick", "start", "flush", "durable 2", "flush"], core.Calls.Take(5));
        Assert.DoesNotContain("durable 2", core.Calls.Skip(5));
    }

    private static WriteAheadLog Opened(MemoryLogDirectory disk) =>
        WriteAheadLog.Open(disk, Small, LogTests.Ignore);

    private sealed class Writer
    {
        private readonly SemaphoreSlim _advanced = new(0);

        public Writer(MemoryLogDirectory disk) => Log = new LogWriter(
            Opened(disk), sync: true, () => _advanced.Release(), Failed.SetResult);

        public LogWriter Log { get; }

        // Set on the log's thread, which the test then joins.
        public TaskCompletionSource<Exception> Failed { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task AppendAsync()
        {
            var sequence = Log.Append(1, [], new byte[Record]);
            Log.HandOver();
            await _advanced.WaitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(sequence, Log.Durable);
        }
    }

    private sealed class Sink : IFrameSink
    {
        public TaskCompletionSource Sent { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task WriteAsync(StreamFrame frame)
        {
            Sent.TrySetResult();
            return Task.CompletedTask;
        }

        public void Abort()
        {
        }
    }

    /// <summary>Appends twice and answers at its start; notes what it is told.</summary>
    private sealed class RecordingCore : INodeCore
    {
        public bool HasPart => true;

        public const int Client = 1;

        public List<string> Calls { get; } = [];

        public void Recover(byte recordType, ReadOnlyMemory<byte> payload) => Calls.Add("recover");

        public void Start(CoreTime now, ICoreOutput output)
        {
            Calls.Add("start");
            output.Append(1, [], []);
            Assert.Equal(2, output.Append(1, [], []).Value);
            output.BeginAfterDurable(Endpoint.Client(Client), 8)[0] = 1;
            output.End(8);
        }

        public void Tick(CoreTime now, ICoreOutput output) => Calls.Add("tick");

        public bool Receive(Endpoint from, ReadOnlyMemory<byte> message, ICoreOutput output) => true;

        public void LinkUp(Endpoint endpoint, ICoreOutput output)
        {
        }

        public void LinkDown(Endpoint endpoint, ICoreOutput output)
        {
        }

        public void StorageDone(LogSequence upTo, ICoreOutput output) => Calls.Add($"durable {upTo.Value}");

        public void Flush(ICoreOutput output) => Calls.Add("flush");

        public void Report(IStatusSink sink)
        {
        }
    }
}
