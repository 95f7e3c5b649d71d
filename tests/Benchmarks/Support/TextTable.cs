using System.Globalization;

namespace Testbed.Benchmarks.Support;

/// <summary>
/// A table in fixed-width text: the first columns of words to the left, figures to the right.
/// </summary>
internal sealed class TextTable(int wordColumns, params string[] headers)
{
    private readonly List<string[]> _rows = [headers];

    /// <summary>Adds a row of words and formatted figures.</summary>
    public void Add(params string[] cells)
    {
        if (cells.Length != headers.Length)
        {
            throw new ArgumentException($"{cells.Length} cells where the table has {headers.Length} columns");
        }

        _rows.Add(cells);
    }

    /// <summary>A figure with thousands apart.</summary>
    public static string Number(double value, int decimals = 0) =>
        value.ToString("N" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>Prints the table, columns as wide as their widest cell.</summary>
    public void Print(TextWriter output)
    {
        var widths = new int[headers.Length];
        foreach (var row in _rows)
        {
            for (var i = 0; i < widths.Length; i++)
            {
                widths[i] = Math.Max(widths[i], row[i].Length);
            }
        }

        for (var r = 0; r < _rows.Count; r++)
        {
            var cells = _rows[r].Select((cell, i) => i < wordColumns
                ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
            if (r == 0)
            {
                output.WriteLine(string.Join("  ", widths.Select(width => new string('-', width))));
            }
        }
    }
}
