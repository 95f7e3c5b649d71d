using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Testbed.Harness.Cli.Verbs;

namespace Testbed.Harness.Cli;

/// <summary>All verbs.</summary>
internal static class CommandTree
{
    /// <summary>The program's name in help and messages.</summary>
    public const string ProgramName = "harness";

    private const string Description =
        "Compares a Raft-replicated and a Reed-Solomon-coded key-value store under load and faults, and checks every history.";

    /// <summary>The tree; verbs act in the given context.</summary>
    public static RootCommand Create(CliContext context)
    {
        var root = new RootCommand(Description)
        {
            RunVerb.Create(context),
            CompareVerb.Create(context),
            ReportVerb.Create(context),
            CheckVerb.Create(context),
            SimulateVerb.Create(context),
            ListVerb.Create(context),
            ClusterVerbs.Create(context),
            KeyVerbs.Get(context),
            KeyVerbs.Set(context),
            KeyVerbs.CompareAndSet(context),
            KeyVerbs.Delete(context),
            KeyVerbs.Scan(context),
            NodeVerbs.Create(context),
            WorkloadVerb.Create(context),
            DoctorVerb.Create(context),
            CompletionVerb.Create(context),
            DocsVerb.Create(context),
        };
        Prepare(root, context);
        return root;
    }

    private static void Prepare(Command command, CliContext context)
    {
        foreach (var help in command.Options.OfType<HelpOption>())
        {
            help.Description = "Shows this help.";
            help.Action = new WriteHelp(context);
        }

        foreach (var version in command.Options.OfType<VersionOption>())
        {
            version.Description = "Shows the version.";
        }

        foreach (var child in command.Subcommands)
        {
            Prepare(child, context);
        }
    }

    private sealed class WriteHelp(CliContext context) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            context.Out.Write(HelpText.Of(parseResult.CommandResult.Command));
            return ExitCodes.Ok;
        }
    }
}
