using System.Text;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Writes that are sent again, and conditions, on a node: thesis 6.3.</summary>
public sealed class RaftSessionTests
{
    private readonly TestNode _node = Single();
    private ulong _number;

    [Fact]
    public void A_write_that_is_sent_again_is_applied_once_and_answered_alike()
    {
        var session = OpenSession(1);
        var put = Write(KvKind.Put, "k", "1", new SessionStamp(session, 1, 1));
        Assert.Equal(KvStatus.Ok, Ask(put));
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.Put, "k", "2", new SessionStamp(session, 2, 1))));
        Assert.Equal(KvStatus.Ok, Ask(put));
        Assert.Equal("2", Value("k"));
        Assert.Equal(1, _node.Core.Machine.Deduplicated);

        // In one batch, too.
        var delete = Write(KvKind.Delete, "k", "", new SessionStamp(session, 3, 1));
        var set = Write(KvKind.Put, "k", "3", new SessionStamp(session, 4, 1));
        Assert.Equal([KvStatus.Ok, KvStatus.Ok, KvStatus.Ok], Ask([delete, set, delete]).Select(r => r.Status));
        Assert.Equal("3", Value("k"));
    }

    [Fact]
    public void A_compare_and_set_that_is_sent_again_keeps_its_first_answer()
    {
        var session = OpenSession(1);
        var create = Write(KvKind.CompareAndSet, "k", "1", new SessionStamp(session, 1, 1));
        var fail = Write(KvKind.CompareAndSet, "k", "9", new SessionStamp(session, 2, 1), "0");
        Assert.Equal(KvStatus.Ok, Ask(create));
        Assert.Equal(KvStatus.PreconditionFailed, Ask(fail));
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.Put, "k", "0", new SessionStamp(session, 3, 1))));
        Assert.Equal(KvStatus.Ok, Ask(create));
        Assert.Equal(KvStatus.PreconditionFailed, Ask(fail));
        Assert.Equal("0", Value("k"));
    }

    [Fact]
    public void A_condition_holds_for_the_very_bytes_or_for_absence()
    {
        Assert.Equal(KvStatus.PreconditionFailed, Ask(Write(KvKind.CompareAndSet, "k", "1", default, "")));
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.CompareAndSet, "k", "", default)));
        Assert.Equal(KvStatus.PreconditionFailed, Ask(Write(KvKind.CompareAndSet, "k", "1", default)));
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.CompareAndSet, "k", "ab", default, "")));
        Assert.Equal(KvStatus.PreconditionFailed, Ask(Write(KvKind.CompareAndSet, "k", "1", default, "a")));
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.CompareAndSet, "k", "2", default, "ab")));
        Assert.Equal("2", Value("k"));
    }

    [Fact]
    public void A_write_of_a_session_that_was_evicted_is_refused_without_effect()
    {
        var first = OpenSession(1);
        var write = Write(KvKind.Put, "k", "1", new SessionStamp(first, 1, 1));
        Assert.Equal(KvStatus.Ok, Ask(write));
        OpenSession(2);
        OpenSession(3);
        Assert.Equal(KvStatus.Ok, Ask(Write(KvKind.Delete, "k", "", default)));
        Assert.Equal(KvStatus.SessionExpired, Ask(write));
        Assert.Equal("", Value("k"));

        // Its opening, sent again, does not bring it back.
        OpenSession(1);
        Assert.Equal(KvStatus.SessionExpired, Ask(write));
    }

    [Fact]
    public void A_restarted_node_knows_its_sessions()
    {
        var session = OpenSession(1);
        var put = Write(KvKind.Put, "k", "1", new SessionStamp(session, 1, 1));
        Ask(put);
        Ask(Write(KvKind.Delete, "k", "", default));
        var restarted = Single(_node.Records);
        Assert.Equal(KvStatus.Ok, Ask([put], restarted).Single().Status);
        Assert.Equal(0, restarted.Store.Count);
        Assert.Equal(1, restarted.Core.Machine.Deduplicated);
    }

    [Fact]
    public void Figures_tell_of_sessions()
    {
        var session = OpenSession(1);
        var put = Write(KvKind.Put, "k", "1", new SessionStamp(session, 1, 1));
        Ask([put, put]);
        var figures = new PumpFigures();
        _node.Core.Report(figures);
        var text = figures.ToString();
        Assert.Contains("sessions=1", text, StringComparison.Ordinal);
        Assert.Contains("session_results=1", text, StringComparison.Ordinal);
        Assert.Contains("retries_deduplicated=1", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KvKind.Get)]
    [InlineData(KvKind.Scan)]
    [InlineData(KvKind.OpenSession)]
    public void Only_writes_carry_stamps(KvKind kind)
    {
        var request = Write(kind, kind == KvKind.OpenSession ? "" : "k", "12345678", new SessionStamp(1, 1, 1));
        var bytes = new byte[request.MaxBytes];
        Assert.False(KvRequest.TryRead(bytes.AsMemory(0, request.Write(bytes)), out _));
    }

    [Fact]
    public void Requests_and_entries_survive_the_wire_and_lies_about_them_are_refused()
    {
        foreach (var expected in (string?[])[null, "", "old"])
        {
            foreach (var stamp in (SessionStamp[])[default, new(7, Limits.SessionWindow, 1)])
            {
                CheckForm(Write(KvKind.CompareAndSet, "key", "value", stamp, expected));
            }
        }

        foreach (var stamp in (SessionStamp[])
            [new(7, Limits.SessionWindow + 1, 1), new(7, 0, 0), new(7, 1, 0), new(7, ulong.MaxValue, ulong.MaxValue)])
        {
            var request = Write(KvKind.Put, "key", "value", stamp);
            var bytes = new byte[request.MaxBytes];
            Assert.False(KvRequest.TryRead(bytes.AsMemory(0, request.Write(bytes)), out _));
        }
    }

    private static void CheckForm(KvRequest request)
    {
        var bytes = new byte[request.MaxBytes];
        var length = request.Write(bytes);
        Assert.True(KvRequest.TryRead(bytes.AsMemory(0, length), out var read));
        Assert.Equal((request.Stamp, request.ExpectsValue), (read.Stamp, read.ExpectsValue));
        Assert.Equal(request.Expected.ToArray(), read.Expected.ToArray());
        for (var cut = 0; cut < length; cut++)
        {
            Assert.False(KvRequest.TryRead(bytes.AsMemory(0, cut), out _));
        }

        var command = new RaftCommand
        {
            Kind = RaftEntryKind.CompareAndSet, Stamp = request.Stamp, Key = request.Key.Span,
            Value = request.Value.Span, ExpectsValue = request.ExpectsValue,
            Expected = request.Expected.Span,
        };
        var entry = new byte[RaftEntryCodec.Bytes(command)];
        RaftEntryCodec.Write(entry, 4, 2, command);
        Assert.True(RaftEntryCodec.TryRead(entry, out var view));
        Assert.Equal(request.Stamp, view.Command.Stamp);
        Assert.True(view.Key.SequenceEqual(request.Key.Span) && view.Value.SequenceEqual(request.Value.Span));
        Assert.Equal(command.ExpectsValue, view.Command.ExpectsValue);
        Assert.True(view.Command.Expected.SequenceEqual(command.Expected));
    }

    private static TestNode Single(IEnumerable<(byte, byte[])>? log = null)
    {
        var node = new TestNode(
            0, 1, log?.ToList(), new RaftOptions { Self = new NodeId(0), Nodes = 1, Seed = 3, Sessions = 2 });
        for (var i = 0; i < 100 && !node.Raft.CanServeReads; i++)
        {
            node.Advance(20_000);
            node.Sync();
        }

        return node;
    }

    private KvRequest Write(KvKind kind, string key, string value, SessionStamp stamp, string? expected = null) =>
        new(++_number, kind, Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(value), 0, 0)
        {
            Stamp = stamp, ExpectsValue = expected is not null, Expected = Encoding.ASCII.GetBytes(expected ?? ""),
        };

    private ulong OpenSession(ulong nonce)
    {
        var request = new KvRequest(++_number, KvKind.OpenSession, default, BitConverter.GetBytes(nonce), 0, 0);
        return BitConverter.ToUInt64(Ask([request]).Single().Value.Span);
    }

    private KvStatus Ask(KvRequest request) => Ask([request]).Single().Status;

    private List<KvReply> Ask(KvRequest[] requests, TestNode? node = null)
    {
        node ??= _node;
        foreach (var request in requests)
        {
            node.Request(9, request);
        }

        node.Sync();
        return node.TakeAnswers(9);
    }

    private string Value(string key) =>
        _node.Store.TryGet(Encoding.ASCII.GetBytes(key), out _, out var value) ? Encoding.ASCII.GetString(value) : "";
}
