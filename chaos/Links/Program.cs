using System.Globalization;
using System.Runtime.InteropServices;
using Testbed.Links;

const int ok = 0;
const int wrongUsage = 64;
const int portInUse = 69;

// Completions run on the thread that polls the sockets: one switch of threads less per buffer. Read by the
// framework at the first socket.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
if (args.Contains("--help") || args.Contains("-h"))
{
    Console.Out.Write(LinkOptions.Help);
    return ok;
}

try
{
    var options = LinkOptions.Parse(args);
    await using var proxy = new ProxyServer(options.Links);
    await using var control = new ControlServer(proxy, options.Control, Log);
    var end = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
    proxy.Bind();
    control.Bind();
    proxy.Start();
    control.Start();
    if (options.ExitWithParent)
    {
        new Thread(WaitForParent) { IsBackground = true, Name = "testbed parent" }.Start();
    }

    Log(string.Create(CultureInfo.InvariantCulture, $"links: {options.Links.Count}, control on {control.ListensAt()}"));
    Log("ends: " + await end.Task);
    return ok;

    void Ask(PosixSignalContext signal)
    {
        signal.Cancel = true;
        // Ctrl-C goes to the whole foreground group; the links are needed until the nodes have ended.
        if (signal.Signal != PosixSignal.SIGINT || !options.ExitWithParent)
        {
            end.TrySetResult(signal.Signal.ToString());
        }
    }

    void WaitForParent()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        while (input.Read(ignored) > 0)
        {
            // Only the end counts.
        }

        end.TrySetResult("standard input ended");
    }
}
catch (UsageException wrong)
{
    Console.Error.WriteLine($"testbed-linkd: {wrong.Message}");
    return wrongUsage;
}
catch (AddressTakenException taken)
{
    Console.Error.WriteLine($"testbed-linkd: {taken.Message}");
    return portInUse;
}

static void Log(string text) => Console.Error.WriteLine(string.Create(
    CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {text}"));
