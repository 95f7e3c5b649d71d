using Testbed.Harness.Cli;

return await CliHost.MainAsync(args).ConfigureAwait(false);
