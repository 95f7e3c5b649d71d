using System.Globalization;
using System.IO.Compression;
using System.Text;
using CsCheck;
using Testbed.Checker;
using Testbed.Results;

namespace Testbed.Tests.Unit.Results;

public sealed class HistoryFileTests
{
    private static readonly HistoryOperation[] Sample =
    [
        new(3, HistoryKind.Write, 17, ValueIdentity.Compose(4, 123), 1_000, 2_000, HistoryOutcome.Ok),
        new(3, HistoryKind.Read, 17, ValueIdentity.Compose(4, 123), 3_000, 4_000, HistoryOutcome.Ok),
        new(4, HistoryKind.Read, -18, 0, 3_500, 4_500, HistoryOutcome.Ok),
        new(5, HistoryKind.Delete, 17, 0, 5_000, 6_000, HistoryOutcome.Info),
        new(6, HistoryKind.Write, 17, 99, 5_500, 7_000, HistoryOutcome.Fail),
    ];

    [Fact]
    public void A_history_looks_like_this()
    {
        using var _ = new CommaCulture();
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl.gz");
        Write(path, Sample);
        using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        Assert.Equal(
            """
            {"schema":"testbed.history/1","time_unit":"ns"}
            {"process":3,"type":"invoke","f":"write","key":17,"value":"4.123","time":1000}
            {"process":3,"type":"ok","f":"write","key":17,"value":"4.123","time":2000}
            {"process":3,"type":"invoke","f":"read","key":17,"value":null,"time":3000}
            {"process":3,"type":"ok","f":"read","key":17,"value":"4.123","time":4000}
            {"process":4,"type":"invoke","f":"read","key":-18,"value":null,"time":3500}
            {"process":4,"type":"ok","f":"read","key":-18,"value":null,"time":4500}
            {"process":5,"type":"invoke","f":"delete","key":17,"value":null,"time":5000}
            {"process":5,"type":"info","f":"delete","key":17,"value":null,"time":6000}
            {"process":6,"type":"invoke","f":"write","key":17,"value":"0.99","time":5500}
            {"process":6,"type":"fail","f":"write","key":17,"value":"0.99","time":7000}

            """.ReplaceLineEndings("\n"), text.ReadToEnd());
        var history = HistoryReader.Read(path);
        Assert.Equal(Sample, history.Operations);
        Assert.False(history.Truncated);
    }

    [Fact]
    public void Every_operation_comes_back_as_it_was()
    {
        var operation = Gen.Select(
            Gen.Int[0, int.MaxValue], Gen.Int[0, 3], Gen.Long, Gen.ULong[1, (ulong.MaxValue >> 1)], Gen.Long[0, long.MaxValue / 2],
            Gen.Long[0, 1L << 40], Gen.Int[0, 2]).Select(draw => new HistoryOperation(
                draw.Item1, (HistoryKind)draw.Item2, draw.Item3, draw.Item2 == 2 ? 0 : draw.Item4, draw.Item5,
                draw.Item5 + draw.Item6, (HistoryOutcome)draw.Item7)
            {
                Expected = draw.Item2 == 3 ? draw.Item4 >> 1 : 0,
            });
        operation.Array[0, 20].Sample(operations =>
        {
            var text = new MemoryStream();
            Span<byte> line = stackalloc byte[HistoryLine.MaxBytes];
            foreach (var one in operations)
            {
                text.Write(line[..HistoryLine.Write(line, HistoryEvent.Invocation(one))]);
                text.Write(line[..HistoryLine.Write(line, HistoryEvent.Completion(one))]);
            }

            text.Position = 0;
            Assert.Equal(operations, HistoryReader.Read(text, "test").Operations);
        }, iter: 2_000, threads: 1);
    }

    [Fact]
    public void The_fast_way_to_read_a_line_never_says_anything_else_than_the_general_one()
    {
        string[] lines =
        [
            """{"process":3,"type":"invoke","f":"write","key":17,"value":"4.123","time":1000}""",
            """{"process":30,"type":"ok","f":"read","key":-170,"value":null,"time":-2000}""",
            """{"process":0,"type":"info","f":"delete","key":0,"value":null,"time":0}""",
            """{"process":9,"type":"fail","f":"cas","key":1,"value":["1.9",null],"time":77}""",
        ];
        const string Noise = "0123456789-+.,:\"[]{} nulebacfok";
        var random = new Random(11);
        var (fast, refused) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var text = lines[i % lines.Length].ToCharArray().ToList();
            for (var change = i < lines.Length ? 3 : random.Next(3); change < 3; change++)
            {
                var at = random.Next(text.Count);
                switch (random.Next(3))
                {
                    case 0:
                        text[at] = Noise[random.Next(Noise.Length)];
                        break;
                    case 1:
                        text.RemoveAt(at);
                        break;
                    default:
                        text.Insert(at, Noise[random.Next(Noise.Length)]);
                        break;
                }
            }

            var line = Encoding.UTF8.GetBytes(text.ToArray());
            var model = (HistoryModel)(i % 3);
            if (!HistoryLineScan.TryRead(line, model, out var e))
            {
                refused++;
                continue;
            }

            fast++;
            Assert.Equal(e, HistoryLine.Read(line, new HistoryValues(model), out _));
        }

        Assert.True(fast > 1_000 && refused > 1_000, $"{fast} fast, {refused} refused");
    }

    [Fact]
    public void Many_threads_may_write_and_nothing_is_lost()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl.gz");
        const int Each = 25_000;
        using (var writer = new HistoryWriter(path))
        {
            Parallel.For(0, 4, process =>
            {
                for (var i = 1; i <= Each; i++)
                {
                    var write = new HistoryOperation(
                        process, HistoryKind.Write, i, ValueIdentity.Compose((uint)process + 1, (ulong)i), i, i + 1,
                        HistoryOutcome.Ok);
                    writer.Add(HistoryEvent.Invocation(write));
                    writer.Add(HistoryEvent.Completion(write));
                }
            });
            writer.Complete();
            Assert.Equal(4 * 2 * Each, writer.Written);
        }

        var operations = HistoryReader.Read(path).Operations;
        Assert.Equal(4 * Each, operations.Count);
        Assert.Equal(4 * Each, operations.Select(operation => operation.Value).Distinct().Count());
    }

    [Fact]
    public void A_history_that_was_cut_off_is_read_up_to_the_damage()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl.gz");
        var operations = Enumerable.Range(1, 5_000).Select(i => new HistoryOperation(
            0, HistoryKind.Write, i * 7919L % 1000, (ulong)i, i * 1000, (i * 1000) + (i * 31 % 900), HistoryOutcome.Ok)).ToArray();
        Write(path, operations);
        var bytes = File.ReadAllBytes(path);
        foreach (var length in (int[])[12, bytes.Length / 3, bytes.Length / 2, bytes.Length - 9])
        {
            File.WriteAllBytes(path, bytes[..length]);
            var history = HistoryReader.Read(path);
            var whole = history.Operations.Where(operation => operation.Outcome == HistoryOutcome.Ok).ToArray();
            Assert.Equal(operations[..whole.Length], whole);
            Assert.True(length < 100 || whole.Length >= operations.Length / 4, $"{whole.Length} of {length} bytes");
        }
    }

    [Fact]
    public void What_was_written_a_while_ago_is_readable_while_the_file_is_still_open()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl.gz");
        using var writer = new HistoryWriter(path);
        writer.Add(HistoryEvent.Invocation(Sample[0]));
        SpinWait.SpinUntil(() => writer.Written == 1, TimeSpan.FromSeconds(20));
        var deadline = Environment.TickCount64 + 20_000;
        var open = 0;
        while (open == 0 && Environment.TickCount64 < deadline)
        {
            writer.Add(HistoryEvent.Completion(Sample[0]));
            writer.Add(HistoryEvent.Invocation(Sample[0]));
            File.Copy(path + PartialFile.Suffix, folder.In("copy.gz"), overwrite: true);
            open = HistoryReader.Read(folder.In("copy.gz")).Operations.Count;
        }

        Assert.True(open > 0);
    }

    [Fact]
    public void An_invocation_without_completion_is_indefinite()
    {
        var history = Read(
            """
            {"process":1,"type":"invoke","f":"write","key":1,"value":"1.1","time":5}
            {"process":2,"type":"invoke","f":"read","key":1,"value":null,"time":6}
            {"process":2,"type":"ok","f":"read","key":1,"value":null,"time":9}
            """);
        Assert.Equal(1, history.Open);
        Assert.Equal(new HistoryOperation(1, HistoryKind.Write, 1, ValueIdentity.Compose(1, 1), 5, 9, HistoryOutcome.Info),
            history.Operations[^1]);
    }

    [Fact]
    public void Histories_from_elsewhere_may_use_plain_numbers_other_fields_and_blank_lines()
    {
        var history = Read(
            "\uFEFF" + """

            {"time":1,"index":0,"process":0,"type":"invoke","f":"write","key":1,"value":5,"error":{"a":[1]}}

            {"time":2,"process":0,"type":"ok","f":"write","key":1,"value":5}
            """);
        Assert.Equal(5ul, Assert.Single(history.Operations).Value);
    }

    [Theory]
    [InlineData("nonsense}", "line 2: no valid JSON")]
    [InlineData("[1]}", "line 2: a line must be one JSON object")]
    [InlineData("""{"type":"invoke","f":"read","key":1,"time":1}""", "line 2: 'process' is missing")]
    [InlineData("""{"process":-1,"type":"invoke","f":"read","key":1,"time":1}""", "line 2: 'process' must be an integer")]
    [InlineData("""{"process":1,"type":"done","f":"read","key":1,"time":1}""", "line 2: 'type' is 'done'")]
    [InlineData("""{"process":1,"type":"invoke","f":"swap","key":1,"time":1}""", "line 2: 'f' is 'swap'")]
    [InlineData("""{"process":1,"type":"invoke","f":"append","key":1,"time":1}""", "line 2: 'f' is 'append', which the model cas-register does not have")]
    [InlineData("""{"process":1,"type":"invoke","f":"cas","key":1,"value":3,"time":1}""", "line 2: the invocation of a cas needs a 'value' [old,new]")]
    [InlineData("""{"process":1,"type":"invoke","f":"cas","key":1,"value":[1,2,3],"time":1}""", "line 2: 'value' must have two elements")]
    [InlineData("""{"process":1,"type":"invoke","f":"write","key":1,"value":[1,2],"time":1}""", "line 2: only a cas has two values")]
    [InlineData("""{"process":1,"type":"invoke","f":"read","key":"x","time":1}""", "line 2: 'key' must be an integer")]
    [InlineData("""{"process":1,"type":"invoke","f":"write","key":1,"value":true,"time":1}""", "line 2: 'value' must be null")]
    [InlineData("""{"process":1,"type":"invoke","f":"write","key":1,"value":"","time":1}""", "line 2: 'value' must not be the empty")]
    [InlineData("""{"process":1,"type":"invoke","f":"write","key":1,"value":null,"time":1}""", "line 2: the invocation of a write")]
    [InlineData("""{"process":1,"type":"ok","f":"read","key":1,"time":1}""", "line 2: process 1 ends an operation it did not begin")]
    [InlineData("""{"process":9,"type":"invoke","f":"read","key":1,"time":1}""", "line 2: process 9 begins an operation before")]
    [InlineData("""{"process":9,"type":"ok","f":"read","key":2,"time":9}""", "line 2: process 9 ends another operation")]
    [InlineData("""{"process":9,"type":"ok","f":"read","key":1,"time":4}""", "line 2: process 9 ends an operation before")]
    [InlineData("""{"schema":"other/7"}""", "line 2: schema is 'other/7'")]
    public void A_malformed_line_is_named_with_what_is_wrong(string line, string expected)
    {
        var e = Assert.Throws<ResultsException>(() => Read(
            """{"process":9,"type":"invoke","f":"read","key":1,"value":null,"time":5}""" + "\n" + line + "\n"));
        Assert.StartsWith("test " + expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_of_other_systems_may_be_any_number_or_text_and_keys_numbers_in_quotes()
    {
        var history = Read(
            """
            {"schema":"testbed.history/1","initial":{"3":"x"}}
            {"process":1,"type":"invoke","f":"cas","key":"3","value":["x",0],"time":1}
            {"process":1,"type":"ok","f":"cas","key":3,"value":["x",0],"time":2}
            {"process":1,"type":"invoke","f":"read","key":3,"time":3}
            {"process":1,"type":"ok","f":"read","key":3,"value":0,"time":4}
            {"process":1,"type":"invoke","f":"cas","key":3,"value":[0,-1],"time":5}
            {"process":1,"type":"fail","f":"cas","key":3,"time":6}
            """);
        Assert.Equal(history.InitialValues[3], history.Operations[0].Expected);
        Assert.Equal(["x", "0", "-1"], ((ulong[])
            [history.Operations[0].Expected, history.Operations[1].Value, history.Operations[2].Value])
            .Select(history.Texts.TextOf));
        Assert.Equal(3, history.Operations[0].Key);
    }

    [Theory]
    [InlineData("ab", "valid")]
    [InlineData("ba", "invalid")]
    public void Appends_join_texts_in_the_model_kv(string read, string verdict)
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl");
        File.WriteAllText(path, string.Create(CultureInfo.InvariantCulture, $$"""
            {"process":1,"type":"invoke","f":"put","key":1,"value":"","time":1}
            {"process":1,"type":"ok","f":"put","key":1,"time":2}
            {"process":1,"type":"invoke","f":"append","key":1,"value":"a","time":3}
            {"process":1,"type":"ok","f":"append","key":1,"value":"a","time":4}
            {"process":1,"type":"invoke","f":"append","key":1,"value":"b","time":5}
            {"process":1,"type":"info","f":"append","key":1,"value":"b","time":6}
            {"process":2,"type":"invoke","f":"get","key":1,"time":7}
            {"process":2,"type":"ok","f":"get","key":1,"value":"{{read}}","time":8}
            """));
        var check = HistoryCheck.RunFile(path, reading: new HistoryReading { Model = HistoryModel.Kv });
        Assert.Equal(verdict, check.Verdict);
    }

    [Fact]
    public void The_verdict_on_a_file_is_the_checkers_and_corrupt_reads_make_it_invalid()
    {
        using var folder = new TemporaryFolder();
        var path = folder.In("history.jsonl.gz");
        Write(path, Sample[..3]);
        Assert.Equal("valid", HistoryCheck.RunFile(path).Verdict);
        Assert.Equal("invalid", HistoryCheck.RunFile(path, corruptReads: 1).Verdict);
        var lost = Sample[0] with { Value = 77, InvokeNanos = 2_500, CompleteNanos = 2_600 };
        var check = HistoryCheck.Run([.. Sample[..3], lost]);
        Assert.Equal("invalid", check.Verdict);
        Assert.Equal(1, check.ToFigures().LostWrites);
        Assert.Contains("lost acknowledged write", check.ToFigures().Counterexample, StringComparison.Ordinal);
        Assert.Equal("lost acknowledged write", Assert.Single(check.ToFile().Violations).Kind);
    }

    [Fact]
    public void Checking_keys_in_parallel_finds_what_checking_alone_finds()
    {
        var random = new Random(7);
        var operations = new List<HistoryOperation>();
        for (var i = 0; i < 50_000; i++)
        {
            var start = i * 10L;
            var kind = random.Next(2) == 0 ? HistoryKind.Read : HistoryKind.Write;
            var value = kind == HistoryKind.Write ? (ulong)i + 1 : 0;
            operations.Add(new HistoryOperation(
                i, kind, random.Next(3_000), value, start, start + random.Next(40), HistoryOutcome.Ok));
        }

        var alone = LinearizabilityChecker.Check(operations);
        var parallel = HistoryCheck.Run(operations).Result;
        Assert.Equal(Verdict.Invalid, alone.Verdict);
        Assert.Equal(alone.Counts, parallel.Counts);
        Assert.Equal(alone.Violations.Select(v => v.Explanation), parallel.Violations.Select(v => v.Explanation));
    }

    private static History Read(string text) =>
        HistoryReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"))), "test");

    private static void Write(string path, HistoryOperation[] operations)
    {
        using var writer = new HistoryWriter(path);
        foreach (var operation in operations)
        {
            writer.Add(operation);
        }

        writer.Complete();
    }
}
