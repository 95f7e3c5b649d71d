using System.Text;
using CsCheck;
using Testbed.Raft;
using Testbed.Raft.Membership;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Raft;

/// <summary>Level memory: how processes that know nothing found a cluster, and never two.</summary>
public sealed class FoundingTests
{
    [Fact]
    public void A_cluster_of_one_is_founded_at_once() => Assert.True(Explored(1, restarts: 0) > 0);

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(2, 2)]
    [InlineData(3, 1)]
    public void Whatever_is_lost_doubled_late_or_restarted_all_founders_agree_and_all_found_in_the_end(
        int nodes, int restarts) => Assert.True(Explored(nodes, restarts) > 3 * nodes);

    [Fact]
    public void A_promise_that_somebodys_restart_has_voided_is_forgotten_only_with_the_nonce()
    {
        var table = new Table(2);
        var nonce = table.Process(0).Nonce;
        table.Tell(1, 0);
        Assert.NotEqual(0UL, table.Process(0).Promise);
        table.Restart(1);
        table.Pass(50);
        table.Pass(90);
        Assert.Equal(nonce, table.Process(0).Nonce);
        table.Pass(20);
        Assert.NotEqual(nonce, table.Process(0).Nonce);
    }

    [Fact]
    public void A_promise_is_kept_as_long_as_somebody_could_still_have_heard_all()
    {
        // Of three, n1 comes back and n2 is silent: it may have founded, and be about to say so.
        var table = new Table(3);
        table.Tell(1, 0);
        table.Tell(2, 0);
        var promise = table.Process(0).Promise;
        Assert.NotEqual(0UL, promise);
        table.Restart(1);
        for (var i = 0; i < 50; i++)
        {
            table.Pass(20);
        }

        Assert.Equal(promise, table.Process(0).Promise);
        table.Tell(2, 0);
        table.Pass(1);
        Assert.NotEqual(promise, table.Process(0).Promise);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Processes_that_know_nothing_found_a_cluster_and_elect_a_leader(int nodes)
    {
        var cluster = new TestCluster(nodes, isVolatile: true).Ready();
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
        Assert.All(cluster.Alive, a => Assert.Equal(1U, a.Process.Raft.Incarnation));
    }

    [Fact]
    public void Nobody_founds_while_a_founder_is_missing()
    {
        var cluster = new TestCluster(3, isVolatile: true) { Loses = (from, _, _) => from == 2 };
        cluster.Run(30_000_000);
        Assert.All(cluster.Alive, a => Assert.Equal(0U, a.Process.Raft.Incarnation));
        cluster.Loses = (_, _, _) => false;
        cluster.Ready();
    }

    [Fact]
    public void A_founder_that_missed_the_last_promise_is_told_that_the_cluster_is_founded()
    {
        // n2 hears nobody's promise; the others found and elect.
        var cluster = new TestCluster(3, isVolatile: true)
        {
            Loses = (_, to, m) => to == 2 && !(m.Kind == RaftMessageKind.Join && m.Hint == 0),
        };
        cluster.Until(() => cluster.LeaderOrNull is not null, "a leader of two");
        Assert.Equal(0U, cluster[2].Raft.Incarnation);
        cluster.Loses = (_, to, m) => to == 2 && m.Kind == RaftMessageKind.Join;
        cluster.Until(() => cluster[2].Raft.Incarnation > 0, "the third founder");
        Assert.Equal(1U, cluster[2].Raft.Incarnation);
    }

    [Fact]
    public void A_process_that_dies_between_promise_and_founding_comes_back_as_another_founder_or_member()
    {
        var cluster = new TestCluster(3, isVolatile: true)
        {
            Loses = (_, _, m) => m.Kind == RaftMessageKind.Join && m.Hint != 0,
        };
        cluster.Run(200_000);
        cluster.Kill(1);
        cluster.Loses = (_, _, _) => false;
        cluster.Boot(1);
        cluster.Until(() => cluster.Alive.All(a => a.Process.Raft.Incarnation > 0), "everybody takes part", 60_000_000);
        cluster.Ready();
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
    }

    [Fact]
    public void Nodes_that_were_removed_and_come_back_found_no_second_cluster()
    {
        var cluster = new TestCluster(2, isVolatile: true).Ready();
        foreach (var added in (int[])[2, 3])
        {
            Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.AddLearner, added).Status);
            cluster.Boot(added);
            cluster.Until(() => cluster[added].Figure("part") == "learner", "a learner");
            cluster.Settle();
            Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Promote, added).Status);
            cluster.Until(() => cluster[added].Figure("part") == "voter", "a voter");
            cluster.Settle();
        }

        cluster.Leader.Admin(RaftAdminKind.Transfer, 2);
        cluster.Until(() => cluster.LeaderOrNull is not null && cluster.LeaderNode == 2, "an added node leads");
        cluster.Ready().Settle();
        foreach (var founder in (int[])[0, 1])
        {
            Assert.Equal(KvStatus.Ok, cluster.Leader.Admin(RaftAdminKind.Remove, founder).Status);
            cluster.Until(() => cluster[founder].Figure("part") == "removed", "a founder is gone");
            cluster.Settle();
            cluster.Kill(founder);
        }

        cluster.Boot(0);
        cluster.Deliver();
        cluster.Boot(1);
        cluster.Run(1_000_000);
        Assert.Equal((0U, 0U), (cluster[0].Raft.Incarnation, cluster[1].Raft.Incarnation));
        Assert.Equal("2.2 3.2", TestCluster.Members(cluster.Leader));
        Assert.Equal(KvStatus.Ok, cluster.Put("k"));
    }

    [Fact]
    public void A_node_beyond_the_founders_does_not_found()
    {
        var cluster = new TestCluster(2, isVolatile: true);
        cluster.Kill(1);
        cluster.Boot(5);
        cluster.Run(1_000_000);
        Assert.Equal(0U, cluster[5].Raft.Incarnation);
        Assert.Equal(0U, cluster[0].Raft.Incarnation);
    }

    [Fact]
    public void Never_two_foundings_at_once_and_no_two_processes_with_one_incarnation() =>
        Gen.Select(Gen.Int[1, 3], Gen.ULong, Gen.Int[0, 60], Gen.Int[0, 40]).Sample(
            (nodes, seed, lost, kills) => Live(nodes, seed, lost, kills), iter: 60);

    [Theory]
    [InlineData(3, 119_900_392_841, 22, 21)]
    [InlineData(3, 113_963, 21, 3)]
    [InlineData(3, 65_751_304, 31, 9)]
    public void A_welcomed_process_whose_cluster_died_out_founds_no_other(int nodes, ulong seed, int lost, int kills) =>
        Live(nodes, seed, lost, kills);

    /// <summary>
    /// A cluster whose messages are lost and whose processes die and come back at random. While anybody with a part
    /// lives, the cluster stays the same one.
    /// </summary>
    private static void Live(int nodes, ulong seed, int lostPercent, int kills)
    {
        var random = new SplitMix64(seed);
        var cluster = new TestCluster(nodes, isVolatile: true);
        cluster.Loses = (_, _, _) => random.Below(100) < lostPercent;
        var holders = new Dictionary<(int, uint), TestNode>();
        var founded = false;
        var leaders = new PumpTruth();
        var committed = new Dictionary<ulong, byte[]>();
        for (var step = 0; step < 400; step++)
        {
            cluster.Run(5_000);
            if (random.Below(400) < kills)
            {
                var victim = (int)random.Below(nodes);
                cluster.Kill(victim);
                Look();
                cluster.Boot(victim);
            }

            Look();
        }

        cluster.Loses = (_, _, _) => false;
        cluster.Until(() => { Look(); return IsWell(); }, "a cluster, or one without a majority", 100_000_000);

        bool IsWell() => cluster.Alive.All(a => a.Process.Raft.Incarnation > 0) || HasNoMajority() || IsGone();

        // Who has heard of a cluster founds no other, not even when that one has died out: when nobody is left who
        // knows its members.
        bool IsGone() => founded && cluster.Alive.All(a => a.Process.Raft.Roster.Configuration.Members.IsEmpty);

        // Founders that died at once take the cluster with them: memory is lost, and nobody may pretend otherwise.
        bool HasNoMajority() => cluster.Alive.Any(a => !a.Process.Raft.Roster.Configuration.Members.IsEmpty
            && !HasQuorum(a.Process.Raft.Roster));

        bool HasQuorum(Roster roster)
        {
            var alive = default(PeerSet);
            foreach (var slot in roster.Configuration.Voters)
            {
                var member = roster[slot];
                var lives = cluster.IsAlive(member.Node.Index)
                    && cluster[member.Node.Index].Raft.Incarnation == member.Incarnation;
                alive |= lives ? PeerSet.Of(slot) : default;
            }

            return roster.Configuration.Quorum.Result(alive, ~alive) == VoteResult.Won;
        }

        void Look()
        {
            if (cluster.Alive.All(a => a.Process.Raft.Incarnation == 0))
            {
                (leaders, holders, committed) = (new PumpTruth(), [], []);
            }

            foreach (var (node, process) in cluster.Alive.Where(a => a.Process.Raft.Incarnation > 0))
            {
                var holder = holders.GetValueOrDefault((node, process.Raft.Incarnation)) ?? process;
                Assert.Same(holder, process);
                holders[(node, process.Raft.Incarnation)] = process;
                founded = true;
                for (var index = process.Raft.Log.BaseIndex + 1; index <= process.Raft.Commit; index++)
                {
                    var entry = process.Raft.Log.Entry(index).ToArray();
                    Assert.Equal(entry, committed.GetValueOrDefault(index) ?? entry);
                    committed[index] = entry;
                }

                if (process.Raft.Role == RaftRole.Leader)
                {
                    leaders.SawLeader(process.Raft.Term, node);
                }
            }
        }
    }

    /// <summary>
    /// Every state that foundings can reach when any message ever told may arrive at any time, any number of times or
    /// never, and node 0's process may be followed by others. Returns how many states there are.
    /// </summary>
    private static int Explored(int nodes, int restarts)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var frontier = new Queue<List<(int Told, int To)>>();
        frontier.Enqueue([]);
        while (frontier.TryDequeue(out var path))
        {
            var table = Table.Replay(nodes, path);
            if (!seen.Add(table.Key))
            {
                continue;
            }

            table.CheckAgreement();
            for (var told = 0; told < table.Told.Count; told++)
            {
                for (var to = 0; to < nodes; to++)
                {
                    if (to != table.Told[told].From)
                    {
                        frontier.Enqueue([.. path, (told, to)]);
                    }
                }
            }

            if (table.Restarts < restarts && !table.AnyComplete)
            {
                frontier.Enqueue([.. path, (-1, 0)]);
            }

            if (!table.AnyDeadFounder)
            {
                table.EndWell();
            }
        }

        return seen.Count;
    }

    /// <summary>Foundings around one table, and all they ever told.</summary>
    private sealed class Table
    {
        private const long Patience = 100;

        private readonly Founding[] _processes;
        private readonly string[,] _heard;
        private readonly HashSet<ulong> _completed = [];
        private long _now;

        public Table(int nodes)
        {
            _processes = new Founding[nodes];
            _heard = new string[nodes, nodes];
            for (var node = 0; node < nodes; node++)
            {
                Begin(node, 100 + (ulong)node);
            }
        }

        public List<(int From, RaftMessage Join)> Told { get; } = [];

        public int Restarts { get; private set; }

        public bool AnyComplete => _processes.Any(p => p.IsComplete);

        public bool AnyDeadFounder { get; private set; }

        public string Key
        {
            get
            {
                var text = new StringBuilder();
                foreach (var process in _processes)
                {
                    text.Append(process.Nonce).Append(' ').Append(process.Promise).Append(process.IsComplete);
                }

                text.Append(Restarts).Append(' ').Append(Told.Count);
                foreach (var heard in _heard)
                {
                    text.Append('|').Append(heard);
                }

                return text.ToString();
            }
        }

        public static Table Replay(int nodes, List<(int Told, int To)> path)
        {
            var table = new Table(nodes);
            foreach (var (told, to) in path)
            {
                if (told < 0)
                {
                    table.Restart(to);
                }
                else
                {
                    table.Hear(to, table.Told[told]);
                }
            }

            return table;
        }

        public Founding Process(int node) => _processes[node];

        public void Restart(int node)
        {
            Restarts++;
            AnyDeadFounder |= _processes[node].IsComplete;
            for (var other = 0; other < _processes.Length; other++)
            {
                _heard[node, other] = "";
            }

            Begin(node, 100 + (ulong)node + (1_000 * (ulong)Restarts));
        }

        public void Tell(int from, int to) => Hear(to, (from, _processes[from].Join));

        /// <summary>Time passes, and node 1 tells node 0 once more.</summary>
        public void Pass(long micros)
        {
            _now += micros;
            Tell(1, 0);
            _processes[0].Tick(_now);
        }

        public void CheckAgreement()
        {
            var completed = _processes.Where(p => p.IsComplete).Select(p => p.Promise).ToHashSet();
            completed.UnionWith(_completed);
            Assert.InRange(completed.Count, 0, 1);
        }

        /// <summary>From here on everything arrives.</summary>
        public void EndWell()
        {
            // Whoever came back while others founded with its former process becomes a member later.
            for (var round = 0; _processes.Any(p => !p.IsComplete) && !(Restarts > 0 && AnyComplete); round++)
            {
                Assert.True(round < 40, "never founded");
                _now += Patience / 4;
                for (var from = 0; from < _processes.Length; from++)
                {
                    _processes[from].Tick(_now + from);
                    for (var to = 0; to < _processes.Length; to++)
                    {
                        if (to != from)
                        {
                            Tell(from, to);
                        }
                    }
                }

                CheckAgreement();
            }
        }

        private void Begin(int node, ulong nonce)
        {
            _processes[node] = new Founding(node, _processes.Length, nonce, true, Patience);
            _processes[node].Consider();
            Note(node);
        }

        private void Hear(int to, (int From, RaftMessage Join) told)
        {
            if (_processes[to].IsComplete)
            {
                return;
            }

            _heard[to, told.From] = $"{told.Join.Round}.{told.Join.Hint}";
            _processes[to].Hear(told.From, told.Join, _now);
            Note(to);
        }

        private void Note(int node)
        {
            var join = _processes[node].Join;
            if (!Told.Contains((node, join)))
            {
                Told.Add((node, join));
            }

            if (_processes[node].IsComplete)
            {
                _completed.Add(_processes[node].Promise);
            }
        }
    }
}
