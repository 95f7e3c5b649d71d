namespace Testbed.Tests.Unit.Raft.Conformance;

/// <summary>The format of data-driven files, as etcd's runner reads it.</summary>
public sealed class DataDrivenReaderTests
{
    [Fact]
    public void A_case_is_a_directive_with_input_and_output_that_a_blank_line_ends()
    {
        var cases = Read("# a comment\n\ncommit a=1 b\n in put \n----\nout\n  more\n\nnext\n----\n");
        Assert.Equal(["commit", "next"], cases.Select(c => c.Command));
        Assert.Equal(["f:3", "f:9"], cases.Select(c => c.Position));
        Assert.Equal(("in put", "out\n  more\n"), (cases[0].Input, cases[0].Expected));
        Assert.Equal(("", ""), (cases[1].Input, cases[1].Expected));
        Assert.Equal(["1"], cases[0].Values("a"));
        Assert.True(cases[0].Has("b") && cases[0].Values("b").Count == 0);
    }

    [Fact]
    public void A_doubled_separator_lets_blank_lines_and_separators_be_output()
    {
        var one = Assert.Single(Read("log\n----\n----\na\n\n----\nb\n----\n----\n"));
        Assert.Equal("a\n\n----\nb\n", one.Expected);
    }

    [Theory]
    [InlineData("c a=(1, 2,3)", "a:1|2|3")]
    [InlineData("c a=(f(1, 2), 3) b=x", "a:f(1, 2)|3 b:x")]
    [InlineData("c a= b", "a: b:")]
    [InlineData("c \\\n  a=1 \\\n  b=2", "a:1 b:2")]
    public void Arguments_have_no_value_or_one_or_several_that_may_nest(string directive, string expected)
    {
        var one = Assert.Single(Read(directive + "\n----\n"));
        var shown = one.Arguments.Select(a => $"{a.Key}:{string.Join('|', a.Values)}");
        Assert.Equal(expected, string.Join(' ', shown));
    }

    [Fact]
    public void Subtests_nest_and_name_their_cases()
    {
        var cases = Read(
            "subtest a\n\nsubtest a/b\n\nx\n----\n\nsubtest end\n\ny\n----\n\nsubtest end a\n\nz\n----\n");
        Assert.Equal(["x a/b", "y a", "z "], cases.Select(c => $"{c.Command} {c.Subtest}"));
    }

    [Theory]
    [InlineData("ok\n----\n\nc a=(1\n----\n", "f:4: cannot parse directive at column 5")]
    [InlineData("c =1\n----\n", "f:1: cannot parse directive")]
    [InlineData("subtest a\n", "f:1: this subtest has no end")]
    [InlineData("subtest end\n", "f:1: no such subtest")]
    [InlineData("subtest a\nsubtest b\n", "f:2: a subtest here")]
    [InlineData("subtest a\nsubtest end b\n", "f:2: no such subtest")]
    [InlineData("c\n----\n----\nx\n", "f:1: its doubled section has no end")]
    [InlineData("c\n----\n----\nx\n----\n----\ny\n", "f:7: a blank line ends")]
    public void What_is_not_of_the_format_is_refused_with_file_and_line(string text, string message)
    {
        var found = Assert.Throws<DataDrivenException>(() => Read(text));
        Assert.StartsWith(message, found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Differences_show_every_case_whose_output_is_not_byte_for_byte_the_same()
    {
        var cases = Read("a\n----\nsame\n\nb\n----\nother\n\nc\n----\nblank \n");
        var found = DataDriven.Differences(cases, c => c.Command == "c" ? "blank" : "same").ToList();
        Assert.Equal(["f:5", "f:9"], found.Select(d => d.Case.Position));
        Assert.Contains("found:\nsame\n", found[0].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("committed cfg=(1) idx=(7)\n----\nx\n\nforget\n----\n", "f:5: unknown command 'forget'")]
    [InlineData("vote cfg=(1) votes=(y) weight=2\n----\n", "f:1: unknown argument 'weight'")]
    [InlineData("vote cfg=(one) votes=(y)\n----\n", "f:1: 'one' is no number")]
    [InlineData("vote cfg=(1) votes=(maybe)\n----\n", "f:1: 'maybe' is no vote")]
    [InlineData("committed cfg=(1) idx=(0)\n----\n", "f:1: 0 cannot be told")]
    public void A_quorum_file_with_something_unknown_fails_with_file_and_line(string text, string message)
    {
        var cases = Read(text);
        var found = Assert.Throws<DataDrivenException>(
            () => DataDriven.Differences(cases, QuorumInterpreter.Run).Count());
        Assert.StartsWith(message, found.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 commit=0 next=1\n")]
    [InlineData("simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=1\n")]
    [InlineData("simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=0\n")]
    [InlineData("simple\nw1\n----\nunknown input: w1\n")]
    [InlineData("simple\nv\n----\nunknown token v\n")]
    [InlineData("leave-joint\nv1\n----\nthis command takes no input\n")]
    public void A_change_file_may_be_of_an_older_or_a_newer_release(string text)
    {
        var cases = Read(text);
        DataDriven.Run(cases, new ConfigurationInterpreter(cases).Run);
    }

    [Theory]
    [InlineData("simple\n----\n\ntransfer-leader\n----\n", "f:4: unknown command 'transfer-leader'")]
    [InlineData("enter-joint autoleave=perhaps\n----\n", "f:1: autoleave is 'perhaps'")]
    public void A_change_file_with_something_unknown_fails_with_file_and_line(string text, string message)
    {
        var cases = Read(text);
        var found = Assert.Throws<DataDrivenException>(
            () => DataDriven.Differences(cases, new ConfigurationInterpreter(cases).Run).Count());
        Assert.StartsWith(message, found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quorum_with_another_number_of_values_than_voters_is_named_as_etcd_names_it()
    {
        var cases = Read("committed cfg=(2,1) idx=(7,_,3)\n----\n"
            + "error: mismatched input (explicit or _) for voters map[1:{} 2:{}]: [7 0 3]\n");
        DataDriven.Run(cases, QuorumInterpreter.Run);
    }

    private static IReadOnlyList<DataDrivenCase> Read(string text) => DataDrivenReader.ReadText("f", text);
}
