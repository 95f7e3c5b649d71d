using Testbed.Workloads;
using Testbed.Tests.Unit.Support;

namespace Testbed.Tests.Unit.Workloads;

public sealed class OperationStreamTests
{
    public static TheoryData<string, string> PinnedHashes => new()
    {
        { "a", "87f92c4a8204e987" },
        { "b", "b4ab38774e6a6a55" },
        { "c", "43aceded969dc8a7" },
        { "d", "6c7dabf1c188d868" },
        { "e", "105f54de83b1401c" },
        { "f", "7d8eb01b441239cb" },
    };

    [Theory]
    [MemberData(nameof(PinnedHashes))]
    public void The_stream_of_a_seed_is_the_same_on_any_machine(string name, string hash)
    {
        var last = WorkloadDump.Lines(Spec(name), seed: 1, count: 20_000).Last();
        Assert.Equal($"# 20000 operations, fnv1a64 {hash}", last);
    }

    [Theory]
    [InlineData("exponential", "8637be1a3f83587b")]
    [InlineData("zipf-exact", "eb331b59bc58575f")]
    [InlineData("hotspot", "f0b610c00c67b7c9")]
    public void The_other_distributions_are_the_same_on_any_machine_too(string distribution, string hash)
    {
        var spec = Spec("a", $"requestdistribution={distribution}", "writeallfields=false",
            "fieldlengthdistribution=zipfian");
        var last = WorkloadDump.Lines(spec, seed: 2, count: 20_000).Last();
        Assert.Equal($"# 20000 operations, fnv1a64 {hash}", last);
    }

    [Fact]
    public void Another_seed_gives_another_stream() =>
        Assert.NotEqual(WorkloadDump.Lines(Spec("a"), 1, 100).Last(), WorkloadDump.Lines(Spec("a"), 2, 100).Last());

    [Fact]
    public void The_mix_is_that_of_the_file()
    {
        var spec = Spec("a", "readproportion=2", "updateproportion=1", "insertproportion=0.5", "scanproportion=0.25",
            "readmodifywriteproportion=0.2", "deleteproportion=0.05");
        var stream = new OperationStream(spec, 1);
        var counts = new double[6];
        for (var i = 0; i < 100_000; i++)
        {
            counts[(int)stream.Next().Type] += 1.0 / 100_000;
        }

        double[] expected = [0.5, 0.25, 0.125, 0.0625, 0.05, 0.0125];
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(expected[i], counts[i], 0.006);
        }
    }

    [Fact]
    public void The_choice_of_keys_does_not_depend_on_the_mix()
    {
        var one = new OperationStream(Spec("b"), 1);
        var other = new OperationStream(Spec("a"), 1);
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(one.Next().Key, other.Next().Key);
        }
    }

    [Theory]
    [InlineData("zipfian")]
    [InlineData("latest")]
    [InlineData("exponential")]
    public void No_operation_asks_for_a_record_whose_insert_is_recent(string distribution)
    {
        var spec = Spec("d", $"requestdistribution={distribution}", "operationcount=20000", "insertproportion=0.5");
        var stream = new OperationStream(spec, 1);
        var insertedAt = new Dictionary<long, long>();
        var asked = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var operation = stream.Next();
            Assert.Equal(i, operation.Sequence);
            if (operation.Type == WorkloadOperationType.Insert)
            {
                Assert.Equal(1000 + insertedAt.Count, operation.Key);
                insertedAt.Add(operation.Key, i);
            }
            else if (operation.Key >= 1000)
            {
                asked++;
                Assert.True(i - insertedAt[operation.Key] >= OperationStream.AcknowledgementLag);
            }
        }

        Assert.True(asked > 1000, "inserted records are asked for in the end");
        Assert.Equal(1000 + insertedAt.Count, stream.NextInsertKey);
    }

    [Fact]
    public void Zipfian_asks_for_every_record_and_for_no_other()
    {
        var stream = new OperationStream(Spec("c"), 1);
        var seen = new HashSet<long>();
        for (var i = 0; i < 100_000; i++)
        {
            seen.Add(stream.Next().Key);
        }

        Assert.Equal(1000, seen.Count);
        Assert.Equal((0, 999), (seen.Min(), seen.Max()));
    }

    [Theory]
    [InlineData("uniform")]
    [InlineData("zipfian")]
    [InlineData("latest")]
    [InlineData("hotspot")]
    [InlineData("exponential")]
    [InlineData("sequential")]
    [InlineData("zipf-exact")]
    public void One_record_is_enough_for_every_distribution(string distribution)
    {
        var spec = Spec("a", "recordcount=1", $"requestdistribution={distribution}", "operationcount=1000000000",
            "insertproportion=0.1");
        var stream = new OperationStream(spec, 1);
        for (var i = 0; i < 1000; i++)
        {
            Assert.InRange(stream.Next().Key, 0, stream.NextInsertKey);
        }
    }

    [Fact]
    public void Drawing_allocates_nothing()
    {
        var stream = new OperationStream(Spec("d"), 1);
        void Turn()
        {
            for (var i = 0; i < 10_000; i++)
            {
                stream.Next();
            }
        }

        Turn();
        Assert.Equal(0, Allocation.Least(Turn));
    }

    [Fact]
    public void The_load_phase_inserts_each_record_once_in_order()
    {
        var stream = new LoadStream(Spec("a", "recordcount=100", "insertstart=10", "insertcount=50"), 1);
        for (var i = 0; i < 50; i++)
        {
            Assert.True(stream.TryNext(out var operation));
            Assert.Equal((10 + i, WorkloadOperationType.Insert, 1000), (operation.Key, operation.Type, operation.ValueBytes));
        }

        Assert.False(stream.TryNext(out _));
    }

    [Fact]
    public void Field_lengths_add_up_to_the_record()
    {
        var spec = Spec("a", "fieldlengthdistribution=uniform", "minfieldlength=10", "fieldlength=20");
        var stream = new LoadStream(spec, 1);
        var sum = 0.0;
        while (stream.TryNext(out var operation))
        {
            Assert.InRange(operation.ValueBytes, 100, 200);
            sum += operation.ValueBytes;
        }

        Assert.Equal(150, sum / stream.Count, 1.5);
    }

    [Fact]
    public void Partial_updates_name_a_field_and_inserts_never_do()
    {
        var stream = new OperationStream(Spec("a", "writeallfields=false", "insertproportion=0.5"), 1);
        var fields = new HashSet<int>();
        for (var i = 0; i < 1000; i++)
        {
            var operation = stream.Next();
            Assert.Equal(operation.Type == WorkloadOperationType.Update, operation.IsPartial);
            fields.Add(operation.Field);
        }

        Assert.Equal(11, fields.Count);
    }

    [Fact]
    public void A_dump_reads_like_this() =>
        Assert.Equal(PinnedDump, WorkloadDump.Lines(Spec("e"), 1, 3));

    private static readonly string[] PinnedDump =
    [
        "0 insert user5952875239596136740 bytes=1000",
        "1 scan user8165325997462374529 keys=41",
        "2 scan user1960583560741305980 keys=7",
        "# 3 operations, fnv1a64 6ae94a672ba6cf4e",
    ];

    private static WorkloadSpec Spec(string name, params string[] overrides)
    {
        var result = WorkloadSpec.Parse(WorkloadFile.Shipped(name)!, overrides);
        Assert.Empty(result.Errors);
        return result.Spec!;
    }
}
