namespace Testbed.Harness.Clusters.Docker.Images;

/// <summary>One file of an image.</summary>
/// <param name="Path">Where it lies in the image, without a leading slash.</param>
/// <param name="Source">The file on this machine.</param>
/// <param name="Executable">Whether it may be run.</param>
internal readonly record struct ImageFile(string Path, string Source, bool Executable);
