using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Testbed.Tests.EndToEnd.Nodes;

namespace Testbed.Tests.EndToEnd.Compose;

/// <summary>A Prometheus with our own configuration, but nodes of the test as its targets.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private const string Targets = "[\"n0:9100\", \"n1:9100\", \"n2:9100\", \"n3:9100\", \"n4:9100\"]";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly HttpClient _http;

    private PrometheusServer(Process process, string address)
    {
        _process = process;
        _http = new HttpClient { BaseAddress = new Uri($"http://{address}") };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<PrometheusServer> StartAsync(string folder, string[] metricsAddresses)
    {
        var text = await File.ReadAllTextAsync(Repository.Of("compose", "prometheus", "prometheus.yml"), Cancel);
        Assert.Contains(Targets, text, StringComparison.Ordinal);
        var own = "[" + string.Join(", ", metricsAddresses.Select(a => $"\"{a}\"")) + "]";
        var config = Path.Combine(folder, "prometheus.yml");

        // On this machine nodes differ by their ports only, which the relabelling takes away.
        await File.WriteAllTextAsync(config, text.Replace(Targets, own, StringComparison.Ordinal)
            .Replace("\"(.*):.*\"", "\".*:(.*)\"", StringComparison.Ordinal), Cancel);
        File.Copy(Repository.Of("compose", "prometheus", "rules.yml"), Path.Combine(folder, "rules.yml"));
        var address = NodeProcess.FreeAddresses(1)[0];
        var start = new ProcessStartInfo("prometheus") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var word in new[]
        {
            $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(folder, "tsdb")}", $"--web.listen-address={address}",
        })
        {
            start.ArgumentList.Add(word);
        }

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var server = new PrometheusServer(process, address);
        await server.ReadyAsync();
        return server;
    }

    /// <summary>The first value of an instant query; null when the answer is empty. Fails when it is an error.</summary>
    public async Task<double?> FirstAsync(string expression)
    {
        using var answer = await _http.GetAsync(
            new Uri("/api/v1/query?query=" + Uri.EscapeDataString(expression), UriKind.Relative), Cancel);
        var body = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{expression}\n{body}");
        using var json = JsonDocument.Parse(body);
        var result = json.RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0
            ? null
            : double.Parse(result[0].GetProperty("value")[1].GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private async Task ReadyAsync()
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var until = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri("/-/ready", UriKind.Relative), Cancel);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not yet listening.
            }

            Assert.False(_process.HasExited, "prometheus ended");
            Assert.True(until.Elapsed < Patience, "prometheus is not ready");
            await pause.WaitForNextTickAsync(Cancel);
        }
    }
}
