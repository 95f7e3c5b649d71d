using System.CommandLine;
using System.Diagnostics;
using Testbed.Harness.Cli;
using Testbed.Harness.Cli.Verbs;
using Testbed.Harness.Clusters;

namespace Testbed.Tests.Unit.Cli;

public sealed class CommandTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_arguments_show_the_help()
    {
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run());
        Assert.Contains("harness <verb> [options]", cli.Out, StringComparison.Ordinal);
        Assert.Equal("", cli.Error);
    }

    [Fact]
    public void Every_verb_has_a_description_an_example_and_described_options()
    {
        using var cli = new CliRun();
        var commands = All(CommandTree.Create(cli.Context())).Where(c => c is not RootCommand).ToList();
        Assert.True(commands.Count >= 20);
        foreach (var command in commands)
        {
            var verb = Assert.IsType<Verb>(command);
            Assert.NotEmpty(verb.Examples);
            Assert.All(verb.Examples, e => Assert.Contains(HelpText.Path(verb), e, StringComparison.Ordinal));
            Assert.EndsWith(".", verb.Description, StringComparison.Ordinal);
            Assert.All(verb.Options.Where(o => !o.Hidden), o => Assert.False(string.IsNullOrEmpty(o.Description), o.Name));
            Assert.All(verb.Arguments, a => Assert.False(string.IsNullOrEmpty(a.Description), a.Name));
        }
    }

    [Fact]
    public async Task Every_example_can_be_parsed()
    {
        using var cli = new CliRun();
        var root = CommandTree.Create(cli.Context());
        foreach (var example in All(root).OfType<Verb>().SelectMany(v => v.Examples))
        {
            var line = example.Split(" > ")[0].Replace("source <(", "", StringComparison.Ordinal).TrimEnd(')');
            Assert.Empty(root.Parse(line["harness ".Length..]).Errors);
        }

        Assert.Equal(0, await cli.Run("run", "--help"));
        Assert.Contains("harness run --strategy ecc --workload b --kill 2\n", cli.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rnu", "there is no verb 'rnu'; did you mean run?")]
    [InlineData("comapre", "there is no verb 'comapre'; did you mean compare?")]
    [InlineData("xyzzy", "there is no verb 'xyzzy'")]
    [InlineData("cluster", "harness cluster needs a verb: up, status, down, add, remove, replace, transfer, reset, image, prune")]
    [InlineData("cluster upp", "there is no verb 'upp'; did you mean up?")]
    [InlineData("get", "harness get needs KEY")]
    [InlineData("node kill", "harness node kill needs NODE")]
    [InlineData("list --cuont 5", "harness list has no option --cuont; did you mean --count?")]
    [InlineData("completion bsh", "'bsh' is not bash, zsh, fish or pwsh; did you mean bash?")]
    [InlineData("compare", "compare needs two runs, or --strategies raft,ecc to make them now")]
    [InlineData("compare a b --strategies raft,ecc", "give either two runs or --strategies, not both")]
    [InlineData("compare --strategies raft", "--strategies: 'raft' is not two of raft and ecc, such as raft,ecc")]
    [InlineData("compare --strategies raft,ecc --value-size 1K,1KiB",
        "--value-size: '1K,1KiB' is not one size or up to 16 different ones with commas between, from 1 to 16777216 bytes such as 1KiB,16K")]
    [InlineData("run --value-size 1K,2K", "--value-size: '1K,2K' is not a size from 1 to 16777216 bytes such as 1KiB, 16K or 1000")]
    [InlineData("compare a b --value-size 128,256", "options of a run are for --strategies; finished runs are compared as they are")]
    [InlineData("compare a b --kill 2", "options of a run are for --strategies; finished runs are compared as they are")]
    [InlineData("compare a b --repeat 2", "--repeat is for --strategies; finished runs are compared as they are")]
    [InlineData("compare --strategies raft,ecc --kill 3",
        "--kill 3: 3 of 5 nodes would be away at once, but raft (5 nodes) works with at most 2 away; --allow-outage runs it all the same")]
    [InlineData("get k --nodes 1.2.3.4:5", "--nodes needs --strategy raft or --strategy ecc")]
    [InlineData("get k --nodes here --strategy raft", "--nodes: 'here' is not host:port")]
    [InlineData("get k --strategy raft", "--strategy and --data-elements need --nodes; the state file says them otherwise")]
    [InlineData("get k --state none.json", "no cluster is up; start one with: harness cluster up")]
    [InlineData("node kill 1 --state none.json", "no cluster is up; start one with: harness cluster up")]
    [InlineData("node kill leader --state none.json", "'leader' is not the number of a node, such as 2")]
    [InlineData("cluster status --state none.json", "no cluster is up; start one with: harness cluster up")]
    [InlineData("cluster reset --yes --state none.json", "no cluster is up; start one with: harness cluster up")]
    [InlineData("cluster reset --nodes a:1,a:2", "cluster reset gives up all data of the cluster; add --yes if that is meant")]
    [InlineData("cluster reset --yes --nodes here", "--nodes: 'here' is not host:port")]
    [InlineData("workload dump --count 0", "--count: '0' is not a whole number from 1 to 100000000")]
    public async Task Wrong_usage_is_one_line_and_exit_code_64(string args, string line)
    {
        using var cli = new CliRun();
        Assert.Equal(64, await cli.Run(args.Split(' ')));
        Assert.Equal(line, cli.ErrorLines[0]);
        Assert.InRange(cli.ErrorLines.Length, 1, 2);
        Assert.Equal("", cli.Out);
    }

    [Fact]
    public async Task Compare_takes_folders_or_makes_the_runs()
    {
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run("compare", "r1,r2", "e1,e2", "--force"));
        Assert.Equal(["r1", "r2"], cli.Comparison!.Baseline);
        Assert.Equal(["e1", "e2"], cli.Comparison.Candidate);
        Assert.True(cli.Comparison.Force);
        Assert.Equal(0, await cli.Run("compare", "--strategies", "raft,ecc", "--workload", "c", "--kill", "2", "--repeat", "3"));
        Assert.Equal(["raft", "ecc"], cli.Comparison.Strategies);
        Assert.Equal((3, "c", 2), (cli.Comparison.Repeat, cli.Comparison.Run.Workload, cli.Comparison.Run.Faults.Kill));
        var only = Assert.Single(cli.Comparison.Cells);
        Assert.Equal((null, null, 30_000_000_000), (only.ValueBytes, only.Records, only.DurationNanos));
    }

    [Fact]
    public async Task Several_sizes_of_values_make_a_sweep_whose_defaults_fit_them()
    {
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run("compare", "--strategies", "raft,ecc", "--value-size", "1KiB,128,256KiB"));
        var cells = cli.Comparison!.Cells;
        Assert.Equal([128, 1024, 256 * 1024], cells.Select(c => c.ValueBytes!.Value));
        Assert.Equal([200_000, 131_072, 512], cells.Select(c => c.Records!.Value));
        Assert.Equal([2000, 2000, 128], cells.Select(c => c.RatePerSecond!.Value));
        Assert.All(cells, c => Assert.Equal(("a", 10_000_000_000, 3_000_000_000, 4711ul),
            (c.Workload, c.DurationNanos, c.WarmupNanos, c.Seed)));

        Assert.Equal(0, await cli.Run("compare", "--strategies", "raft,ecc", "--value-size", "128,1KiB", "--records", "300",
            "--rate", "50", "--duration", "1s", "--workload", "b"));
        Assert.All(cli.Comparison.Cells, c => Assert.Equal((300, 50, 1_000_000_000, "b"),
            (c.Records, c.RatePerSecond, c.DurationNanos, c.Workload)));

        Assert.Equal(0, await cli.Run("compare", "--strategies", "raft,ecc", "--value-size", "2KiB"));
        var only = Assert.Single(cli.Comparison.Cells);
        Assert.Equal((2048, null, "b"), (only.ValueBytes, only.Records, only.Workload));
        Assert.Equal(0, await cli.Run("compare", "--strategies", "raft,ecc", "--value-size", "128,1KiB", "-p", "recordcount=77"));
        Assert.All(cli.Comparison.Cells, c => Assert.Null(c.Records));
    }

    [Fact]
    public async Task A_failure_nobody_foresaw_is_exit_code_70_with_the_trace_in_a_file()
    {
        using var cli = new CliRun { Behaviour = (_, _) => throw new InvalidOperationException("broken\nsecond line") };
        Assert.Equal(70, await cli.Run("run"));
        var line = Assert.Single(cli.ErrorLines);
        Assert.StartsWith("this is a bug in the harness: broken; the trace is in ", line, StringComparison.Ordinal);
        var file = line[(line.LastIndexOf(' ') + 1)..];
        Assert.Contains(nameof(A_failure_nobody_foresaw_is_exit_code_70_with_the_trace_in_a_file),
            await File.ReadAllTextAsync(file, Cancel), StringComparison.Ordinal);
        File.Delete(file);
    }

    [Fact]
    public async Task An_interrupted_run_is_exit_code_130()
    {
        using var stop = new CancellationTokenSource();
        using var cli = new CliRun
        {
            Behaviour = async (_, cancel) =>
            {
                await stop.CancelAsync();
                cancel.ThrowIfCancellationRequested();
                return 0;
            },
        };
        Assert.Equal(130, await cli.Run(stop.Token, "run"));
        Assert.Equal(["interrupted"], cli.ErrorLines);
    }

    [Fact]
    public async Task A_cluster_that_does_not_start_is_exit_code_4()
    {
        using var cli = new CliRun { Behaviour = (_, _) => throw new ClusterStartException("n0 did not start: exit code 3") };
        Assert.Equal(4, await cli.Run("run"));
        Assert.Equal(["the cluster did not start: n0 did not start: exit code 3"], cli.ErrorLines);
    }

    [Fact]
    public async Task The_exit_code_of_a_run_is_passed_on()
    {
        using var cli = new CliRun { Behaviour = (_, _) => Task.FromResult(2) };
        Assert.Equal(2, await cli.Run("run"));
    }

    [Fact]
    public async Task A_workload_is_dumped_with_its_hash()
    {
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run("workload", "dump", "--workload", "a", "--count", "5", "--seed", "1"));
        var lines = cli.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(6, lines.Length);
        Assert.StartsWith("# 5 operations, fnv1a64 ", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_history_is_checked_and_the_verdict_is_the_exit_code()
    {
        using var cli = new CliRun();
        var write = """{"process":0,"type":"invoke","f":"write","key":1,"value":"1.1","time":0}""" + "\n"
            + """{"process":0,"type":"ok","f":"write","key":1,"value":"1.1","time":10}""" + "\n";
        var stale = """{"process":1,"type":"invoke","f":"read","key":1,"value":null,"time":20}""" + "\n"
            + """{"process":1,"type":"ok","f":"read","key":1,"value":null,"time":30}""" + "\n";
        await File.WriteAllTextAsync(Path.Combine(cli.Folder, "good.jsonl"), write, Cancel);
        await File.WriteAllTextAsync(Path.Combine(cli.Folder, "bad.jsonl"), write + stale, Cancel);
        Assert.Equal((0, ""), (await cli.Run("check", "good.jsonl"), cli.Error));
        Assert.StartsWith("valid: 1 operations on 1 keys", cli.Out, StringComparison.Ordinal);
        Assert.Equal(2, await cli.Run("check", "bad.jsonl"));
        Assert.Equal(2, await cli.Run("check", "bad.jsonl", "--json", "--timeline", "pages/bad.html"));
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(cli.Folder, "pages", "bad.html")), StringComparison.Ordinal);
        Assert.Contains("\"result\": \"invalid\"", cli.Out, StringComparison.Ordinal);
        Assert.Equal(64, await cli.Run("check", "none.jsonl"));
    }

    [Fact]
    public async Task An_empty_results_folder_lists_nothing_and_says_what_to_do()
    {
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run("list"));
        Assert.Contains("make one with: harness run", Assert.Single(cli.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(64, await cli.Run("report", "."));
    }

    [Fact]
    public async Task Completion_scripts_are_valid_and_know_verbs_options_and_values()
    {
        using var cli = new CliRun();
        foreach (var shell in new[] { "bash", "zsh", "fish", "pwsh" })
        {
            Assert.Equal(0, await cli.Run("completion", shell));
        }

        Assert.Contains("cluster", cli.Out, StringComparison.Ordinal);
        Assert.SkipUnless(File.Exists("/bin/bash"), "no bash here");
        var script = Path.Combine(cli.Folder, "completion.sh");
        using var bash = new CliRun();
        Assert.Equal(0, await bash.Run("completion", "bash"));
        await File.WriteAllTextAsync(
            script, bash.Out + "COMP_WORDS=(harness run --strategy r); COMP_CWORD=3; _harness; echo \"${COMPREPLY[@]}\"\n"
            + "COMP_WORDS=(harness cluster s); COMP_CWORD=2; _harness; echo \"${COMPREPLY[@]}\"\n", Cancel);
        using var process = Process.Start(new ProcessStartInfo("/bin/bash", script) { RedirectStandardOutput = true })!;
        Assert.Equal("raft\nstatus\n", await process.StandardOutput.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
    }

    [Fact]
    public async Task The_document_of_the_command_line_is_that_of_the_help()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Testbed.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        using var cli = new CliRun();
        Assert.Equal(0, await cli.Run("docs", "cli"));
        var document = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "docs", "CLI.md"), Cancel);
        Assert.True(document.ReplaceLineEndings("\n") == cli.Out, "docs/CLI.md is old: ./harness.sh docs cli > docs/CLI.md");
    }

    [Theory]
    [InlineData("hello", "hello")]
    [InlineData("grüß", "grüß")]
    [InlineData("a\0b", "(3 bytes: 610062)")]
    public void Values_that_are_no_text_are_shown_as_numbers(string text, string shown) =>
        Assert.Equal(shown, KeyVerbs.Shown(System.Text.Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_swap_of_letters_is_one_mistake()
    {
        Assert.Equal(1, Suggestions.Distance("rnu", "run"));
        Assert.Equal(3, Suggestions.Distance("kitten", "sitting"));
        Assert.Null(Suggestions.Nearest("zzzzzz", ["run", "check"]));
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);
}
