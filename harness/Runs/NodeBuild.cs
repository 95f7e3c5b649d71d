namespace Testbed.Harness.Runs;

/// <summary>
/// Which build of the node program a run uses; figures of different builds are not compared.
/// </summary>
internal static class NodeBuild
{
    /// <summary>
    /// <c>jit</c> when the program's assembly lies beside it, <c>aot</c> when it is a native program alone.
    /// </summary>
    public static string Kind(string? nodeProgram)
    {
        var folder = nodeProgram is null
            ? Path.Combine(AppContext.BaseDirectory, "node")
            : Path.GetDirectoryName(Path.GetFullPath(nodeProgram))!;
        return File.Exists(Path.Combine(folder, "testbed-node.dll")) ? "jit" : "aot";
    }
}
