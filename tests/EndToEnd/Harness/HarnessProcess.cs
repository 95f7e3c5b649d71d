using System.Diagnostics;
using System.Text;

namespace Testbed.Tests.EndToEnd.Harness;

/// <summary>The harness as a user runs it: a process, its output in pipes, its exit code.</summary>
internal sealed class HarnessProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private readonly Process _process;
    private readonly StringBuilder _out = new();
    private readonly StringBuilder _error = new();
    private readonly Dictionary<string, TaskCompletionSource> _awaited = [];

    private HarnessProcess(Process process) => _process = process;

    /// <summary>
    /// The harness in its own output folder: beside the tests its dependencies would be mixed with those of
    /// the node.
    /// </summary>
    private static string Program { get; } = Path.Combine(Folder, "harness.dll");

    /// <summary>Its output folder, with the programs it starts.</summary>
    public static string Folder => Find();

    /// <summary>Process id.</summary>
    public int Pid => _process.Id;

    /// <summary>Standard output so far.</summary>
    public string Out
    {
        get
        {
            lock (_out)
            {
                return _out.ToString();
            }
        }
    }

    /// <summary>Standard error so far.</summary>
    public string Error
    {
        get
        {
            lock (_out)
            {
                return _error.ToString();
            }
        }
    }

    /// <summary>Starts the harness.</summary>
    public static HarnessProcess Start(params string[] arguments) => Start(arguments, []);

    /// <summary>Starts the harness with variables of its environment set.</summary>
    public static HarnessProcess Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        var info = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        info.ArgumentList.Add(Program);
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        var harness = new HarnessProcess(new Process { StartInfo = info });
        harness._process.OutputDataReceived += (_, e) => harness.Take(harness._out, e.Data);
        harness._process.ErrorDataReceived += (_, e) => harness.Take(harness._error, e.Data);
        harness._process.Start();
        harness._process.BeginOutputReadLine();
        harness._process.BeginErrorReadLine();
        return harness;
    }

    /// <summary>Runs the harness to its end.</summary>
    public static async Task<(int ExitCode, string Out, string Error)> RunAsync(params string[] arguments)
    {
        await using var harness = Start(arguments);
        var exitCode = await harness.WaitAsync();
        return (exitCode, harness.Out, harness.Error);
    }

    /// <summary>Waits until a line of standard error contains the text.</summary>
    public async Task WaitForAsync(string text)
    {
        TaskCompletionSource source;
        lock (_out)
        {
            if (_error.ToString().Contains(text, StringComparison.Ordinal))
            {
                return;
            }

            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited[text] = source;
        }

        var ended = WaitAsync();
        var first = await Task.WhenAny(source.Task, ended);
        Assert.True(first == source.Task || source.Task.IsCompleted, $"'{text}' never came\n{Out}\n{Error}");
    }

    /// <summary>Waits for the end; the exit code.</summary>
    public async Task<int> WaitAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Sends a signal by name (INT, KILL, ...).</summary>
    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Find()
    {
        // .../tests/EndToEnd/bin/<configuration>/<framework>/
        var framework = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var configuration = framework.Parent!;
        var root = configuration.Parent!.Parent!.Parent!.Parent!;
        return Path.Combine(root.FullName, "harness", "bin", configuration.Name, framework.Name);
    }

    private void Take(StringBuilder target, string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_out)
        {
            target.Append(line).Append('\n');
            foreach (var (text, source) in _awaited)
            {
                if (line.Contains(text, StringComparison.Ordinal))
                {
                    source.TrySetResult();
                }
            }
        }
    }
}
