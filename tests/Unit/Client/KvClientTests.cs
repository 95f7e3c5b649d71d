using Testbed.Client;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Client;

/// <summary>The client's own rules, with a core that does what the test says and no node at all.</summary>
public sealed class KvClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TestCore _core = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_operation_more_than_allowed_ends_at_once_as_failed()
    {
        await using var client = Make(maxInFlight: 2);
        var first = client.PutAsync(Key, Key);
        var second = client.PutAsync(Key, Key);
        var third = await client.PutAsync(Key, Key).WaitAsync(Patience, Cancel);
        Assert.Equal((Outcome.Failed, "client full"), (third.Outcome, third.Reason));
        Assert.False(first.IsCompleted || second.IsCompleted);
    }

    [Fact]
    public async Task Disposing_ends_writes_as_unknown_and_reads_as_failed_and_later_ones_as_failed()
    {
        var client = Make(maxInFlight: 8);
        var put = client.PutAsync(Key, Key);
        var get = client.GetAsync(Key);
        await _core.HasTwo.Task.WaitAsync(Patience, Cancel);
        await client.DisposeAsync();
        Assert.Equal(Outcome.Unknown, (await put.WaitAsync(Patience, Cancel)).Outcome);
        Assert.Equal(Outcome.Failed, (await get.WaitAsync(Patience, Cancel)).Outcome);
        var late = await client.PutAsync(Key, Key).WaitAsync(Patience, Cancel);
        Assert.Equal((Outcome.Failed, "client closed"), (late.Outcome, late.Reason));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task What_breaks_a_limit_fails_before_the_core_sees_it()
    {
        await using var client = Make(maxInFlight: 8);
        var results = await Task.WhenAll(
            client.GetAsync(default),
            client.GetAsync(new byte[Limits.KeyBytes + 1]),
            client.PutAsync(Key, new byte[Limits.ValueBytes + 1]),
            client.ScanAsync(Key, 0)).WaitAsync(Patience, Cancel);
        Assert.Equal(["key empty", "key too long", "value too large", "scan limit out of range"],
            results.Select(result => result.Reason));
        Assert.All(results, result => Assert.Equal(Outcome.Failed, result.Outcome));
        Assert.Equal(0, _core.Submitted);
    }

    [Fact]
    public async Task A_completion_may_submit_the_same_operation_again()
    {
        _core.CompletesAtOnce = true;
        await using var client = Make(maxInFlight: 1);
        var chain = new Chain(client, 1_000) { Kind = OperationKind.Get, Key = Key };
        client.Submit(chain);
        await chain.Done.WaitAsync(Patience, Cancel);
        Assert.Equal(1_000, _core.Submitted);
    }

    [Fact]
    public async Task Operations_of_many_threads_all_end_once()
    {
        _core.CompletesAtOnce = true;
        await using var client = Make(maxInFlight: 64);
        var chains = Enumerable.Range(0, 32)
            .Select(_ => new Chain(client, 500) { Kind = OperationKind.Get, Key = Key }).ToArray();
        await Task.WhenAll(chains.Select(chain => Task.Run(() => client.Submit(chain), Cancel)));
        await Task.WhenAll(chains.Select(chain => chain.Done)).WaitAsync(Patience, Cancel);
        Assert.Equal(32 * 500, _core.Submitted);
    }

    private static byte[] Key { get; } = "k"u8.ToArray();

    // Port 9 (discard) of an address nobody has: the links keep trying, which is all they need here.
    private KvClient Make(int maxInFlight) => new(
        new KvClientOptions
        {
            Strategy = "raft",
            Nodes = ["127.0.0.1:9"],
            MaxInFlight = maxInFlight,
            Seed = 1,
        },
        _core, TimeProvider.System);

    /// <summary>Submits itself again until it was completed a number of times.</summary>
    private sealed class Chain(IKvClient client, int times) : KvOperation
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = times;

        public Task Done => _done.Task;

        protected internal override void OnCompleted()
        {
            if (Outcome != Outcome.Ok)
            {
                _done.SetException(new InvalidOperationException(Reason));
            }
            else if (--_left == 0)
            {
                _done.SetResult();
            }
            else
            {
                client.Submit(this);
            }
        }
    }

    private sealed class TestCore : IClientCore
    {
        public bool CompletesAtOnce { get; set; }

        public int Submitted { get; private set; }

        public TaskCompletionSource HasTwo { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Submit(int slot, in ClientOperation operation, IClientOutput output)
        {
            if (++Submitted == 2)
            {
                HasTwo.TrySetResult();
            }

            if (CompletesAtOnce)
            {
                output.Complete(slot, new ClientResult { Outcome = KvOutcome.Ok });
            }
        }

        public void Tick(CoreTime now, IClientOutput output)
        {
        }

        public bool Receive(NodeId from, ReadOnlyMemory<byte> message, IClientOutput output) => true;

        public void LinkUp(NodeId node, IClientOutput output)
        {
        }

        public void LinkDown(NodeId node, IClientOutput output)
        {
        }

        public void Report(IStatusSink sink) => sink.Counter("submitted", Submitted);
    }
}
