using System.CommandLine;

namespace Testbed.Harness.Cli;

/// <summary>A verb: a command with examples, and options in sections for its help.</summary>
internal sealed class Verb : Command
{
    private readonly List<(string Title, IReadOnlyList<Option> Options)> _sections = [];

    /// <summary>A verb; every one has at least one example.</summary>
    public Verb(string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
    }

    /// <summary>Command lines to show in the help.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>Options by section, in order; those of no section come last.</summary>
    public IReadOnlyList<(string Title, IReadOnlyList<Option> Options)> Sections => _sections;

    /// <summary>Adds options under a title.</summary>
    public Verb With(string title, params Option[] options)
    {
        _sections.Add((title, options));
        foreach (var option in options)
        {
            Add(option);
        }

        return this;
    }

    /// <summary>Adds options under the common title.</summary>
    public Verb With(params Option[] options) => With("Options", options);

    /// <summary>Adds arguments.</summary>
    public Verb With(params Argument[] arguments)
    {
        foreach (var argument in arguments)
        {
            Add(argument);
        }

        return this;
    }

    /// <summary>Adds verbs below this one.</summary>
    public Verb With(params Verb[] verbs)
    {
        foreach (var verb in verbs)
        {
            Add(verb);
        }

        return this;
    }

    /// <summary>Says what it does.</summary>
    public Verb Does(Func<ParseResult, CancellationToken, Task<int>> action)
    {
        SetAction(action);
        return this;
    }

    /// <summary>Says what it does, when nothing is awaited.</summary>
    public Verb Does(Func<ParseResult, int> action)
    {
        SetAction(action);
        return this;
    }
}
