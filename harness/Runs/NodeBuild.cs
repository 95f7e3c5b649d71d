namespace Testbed.Harness.Runs;

/// <summary>Which build of the node program lies beside the harness; figures of different builds are not compared.</summary>
internal static class NodeBuild
{
    /// <summary><c>jit</c> when the program's assembly is there, <c>aot</c> when there is only a native program.</summary>
    public static string Kind() =>
        File.Exists(Path.Combine(AppContext.BaseDirectory, "node", "testbed-node.dll")) ? "jit" : "aot";
}
