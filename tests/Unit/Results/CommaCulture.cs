using System.Globalization;

namespace Testbed.Tests.Unit.Results;

/// <summary>Makes the current culture write 1,5 for one and a half, as much of the world does.</summary>
internal sealed class CommaCulture : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public CommaCulture()
    {
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        comma.NumberFormat.NumberGroupSeparator = ".";
        comma.NumberFormat.NegativeSign = "−";
        CultureInfo.CurrentCulture = comma;
    }

    public void Dispose() => CultureInfo.CurrentCulture = _before;
}
