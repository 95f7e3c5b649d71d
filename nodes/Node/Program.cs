using System.Runtime.InteropServices;
using Testbed.Node;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.Out.Write(NodeOptions.Help);
    return NodeExit.Ok;
}

if (args is ["--hold"])
{
    // Does nothing until told to end: keeps the volumes of a cluster of containers mounted.
    using var told = new ManualResetEventSlim();
    using var end = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => told.Set());
    told.Wait();
    return NodeExit.Ok;
}

try
{
    if (args.Any(a => a == HealthQuery.Option))
    {
        return await HealthQuery.RunAsync(args, Console.Error);
    }

    var options = NodeOptions.Parse(args);
    await using var host = new NodeHost(options, CoreFactory.Create);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
    if (options.ExitWithParent)
    {
        new Thread(WaitForParent) { IsBackground = true, Name = "testbed parent" }.Start();
    }

    return await host.RunAsync(Console.Error);

    void Ask(PosixSignalContext signal)
    {
        signal.Cancel = true;
        host.Stop(signal.Signal.ToString());
    }

    void WaitForParent()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        while (input.Read(ignored) > 0)
        {
            // Only the end counts.
        }

        host.Stop("standard input ended");
    }
}
catch (UsageException wrong)
{
    Console.Error.WriteLine($"testbed-node: {wrong.Message}");
    return NodeExit.Usage;
}
