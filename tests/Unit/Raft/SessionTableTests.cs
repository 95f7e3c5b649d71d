using CsCheck;
using Testbed.Raft;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>The table against a plain model of it, and its form in snapshots.</summary>
public sealed class SessionTableTests
{
    [Fact]
    public void A_table_does_what_a_plain_model_does_and_survives_its_snapshot_at_any_time()
    {
        var step = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 5], Gen.Int[0, 40], Gen.Int[0, 40], Gen.Bool);
        Gen.Select(Gen.Int[1, 4], step.List[1, 120]).Sample((capacity, steps) =>
        {
            var table = new SessionTable(capacity);
            var model = new Model(capacity);
            var index = 0UL;
            foreach (var (kind, who, sequence, behind, ok) in steps)
            {
                index++;
                if (kind == 0 || model.Ids.Count == 0)
                {
                    var nonce = (ulong)who * 1_000_000;
                    Assert.Equal(model.Open(nonce, index), table.Open(nonce, index));
                }
                else if (kind == 1)
                {
                    var bytes = new byte[table.SnapshotBytes];
                    table.Write(bytes);
                    Assert.True(SessionTable.TryRead(bytes, out var read));
                    Assert.Equal((table.Digest(), table.Results), (read.Digest(), read.Results));
                    table = read;
                }
                else
                {
                    var number = (ulong)sequence + 1;
                    var stamp = new SessionStamp(
                        model.Ids[who % model.Ids.Count], number, number - ulong.Min(number - 1, (ulong)behind));
                    var verdict = table.Look(stamp, index, out var status);
                    Assert.Equal(model.Look(stamp, index, out var expected), verdict);
                    Assert.Equal(expected, verdict == SessionVerdict.New ? expected : status);
                    if (verdict == SessionVerdict.New)
                    {
                        table.Keep(stamp, ok ? KvStatus.Ok : KvStatus.PreconditionFailed);
                        model.Keep(stamp, ok ? KvStatus.Ok : KvStatus.PreconditionFailed);
                    }
                }

                Assert.Equal((model.Count, model.Results), (table.Count, table.Results));
            }
        }, iter: 2_000);
    }

    [Fact]
    public void Results_wait_in_any_order_over_the_whole_window()
    {
        var table = new SessionTable(1);
        var id = table.Open(5, 1);
        var index = 1UL;
        foreach (var sequence in (ulong[])[Limits.SessionWindow, 3, 700, 1])
        {
            var stamp = new SessionStamp(id, sequence, 1);
            Assert.Equal(SessionVerdict.New, table.Look(stamp, ++index, out _));
            table.Keep(stamp, KvStatus.Ok);
            Assert.Equal(SessionVerdict.Applied, table.Look(stamp, ++index, out var status));
            Assert.Equal(KvStatus.Ok, status);
        }

        var later = new SessionStamp(id, Limits.SessionWindow + 2, 701);
        Assert.Equal(SessionVerdict.New, table.Look(later, ++index, out _));
        Assert.Equal(1, table.Results);
        Assert.Equal(SessionVerdict.Answered, table.Look(new SessionStamp(id, 700, 1), ++index, out _));
    }

    [Fact]
    public void The_session_used_least_recently_makes_room_and_never_comes_back()
    {
        var table = new SessionTable(2);
        var first = table.Open(10, 1);
        var second = table.Open(20, 2);
        table.Look(new SessionStamp(first, 1, 1), 3, out _);
        var third = table.Open(30, 4);
        Assert.Equal(SessionVerdict.Expired, table.Look(new SessionStamp(second, 1, 1), 5, out _));
        Assert.Equal(SessionVerdict.New, table.Look(new SessionStamp(first, 1, 1), 6, out _));

        // The entry that opened it may be in the log a second time: that is another session.
        Assert.NotEqual(second, table.Open(20, 7));
        Assert.Equal(SessionVerdict.Expired, table.Look(new SessionStamp(second, 1, 1), 8, out _));
        Assert.Equal(SessionVerdict.Expired, table.Look(new SessionStamp(third, 1, 1), 9, out _));
        Assert.Equal(2, table.Evictions);
    }

    [Fact]
    public void What_is_not_a_table_is_refused()
    {
        var table = new SessionTable(3);
        for (var nonce = 0UL; nonce < 3; nonce++)
        {
            var id = table.Open(nonce * 100, nonce + 1);
            table.Keep(new SessionStamp(id, 2, 1), KvStatus.Ok);
        }

        var bytes = new byte[table.SnapshotBytes];
        table.Write(bytes);
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            Assert.False(SessionTable.TryRead(bytes.AsSpan(0, cut), out _));
        }

        Assert.False(SessionTable.TryRead([.. bytes, 0], out _));
        for (var at = 0; at < bytes.Length * 8; at++)
        {
            var flipped = bytes.ToArray();
            flipped[at / 8] ^= (byte)(1 << (at % 8));
            if (SessionTable.TryRead(flipped, out var read))
            {
                // Ids and positions have no redundancy of their own; what is taken is what was written.
                var again = new byte[read.SnapshotBytes];
                read.Write(again);
                Assert.Equal(flipped, again);
            }
        }
    }

    [Fact]
    public void A_snapshot_that_loses_its_sessions_shows_in_the_digest()
    {
        var table = new SessionTable(4) { LosesSessions = true };
        var sound = new SessionTable(4);
        table.Open(1, 1);
        sound.Open(1, 1);
        var bytes = new byte[table.SnapshotBytes];
        table.Write(bytes);
        Assert.True(SessionTable.TryRead(bytes, out var read));
        Assert.Equal(0, read.Count);
        Assert.NotEqual(sound.Digest(), read.Digest());
    }

    private sealed class Model(int capacity)
    {
        private readonly Dictionary<ulong, (ulong LastUse, ulong First, Dictionary<ulong, KvStatus> Kept)> _held = [];

        /// <summary>All that ever were.</summary>
        public List<ulong> Ids { get; } = [];

        public int Count => _held.Count;

        public long Results => _held.Values.Sum(s => s.Kept.Count);

        public ulong Open(ulong nonce, ulong index)
        {
            var id = nonce + index;
            if (_held.Count == capacity)
            {
                _held.Remove(_held.MinBy(s => s.Value.LastUse).Key);
            }

            _held.Add(id, (index, 1, []));
            Ids.Add(id);
            return id;
        }

        public SessionVerdict Look(SessionStamp stamp, ulong index, out KvStatus status)
        {
            status = KvStatus.SessionExpired;
            if (!_held.TryGetValue(stamp.Session, out var session))
            {
                return SessionVerdict.Expired;
            }

            var first = ulong.Max(session.First, stamp.FirstUnanswered);
            foreach (var below in session.Kept.Keys.Where(s => s < first).ToList())
            {
                session.Kept.Remove(below);
            }

            _held[stamp.Session] = (index, first, session.Kept);
            status = KvStatus.Unknown;
            return stamp.Sequence < first ? SessionVerdict.Answered
                : session.Kept.TryGetValue(stamp.Sequence, out status) ? SessionVerdict.Applied
                : SessionVerdict.New;
        }

        public void Keep(SessionStamp stamp, KvStatus status) => _held[stamp.Session].Kept.Add(stamp.Sequence, status);
    }
}
