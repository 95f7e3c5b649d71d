namespace Testbed.Harness.Cli;

/// <summary>A table of plain text; columns that are empty in every row are left out.</summary>
internal sealed class TextTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row with a cell for each header.</summary>
    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, headers.Length);
        _rows.Add(cells);
    }

    /// <summary>Writes the header and the rows; numbers stand right.</summary>
    public void Write(TextWriter writer)
    {
        var columns = Enumerable.Range(0, headers.Length)
            .Where(c => _rows.Count == 0 || _rows.Exists(r => r[c].Length > 0))
            .Select(c => (
                Index: c,
                Width: _rows.Select(r => r[c].Length).Append(headers[c].Length).Max(),
                Right: _rows.Count > 0 && _rows.TrueForAll(r => r[c].Length == 0 || IsNumber(r[c]))))
            .ToList();
        foreach (var row in _rows.Prepend(headers))
        {
            var cells = columns.Select(c => c.Right ? row[c.Index].PadLeft(c.Width) : row[c.Index].PadRight(c.Width));
            writer.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    private static bool IsNumber(string text) => text.All(c => char.IsAsciiDigit(c) || c is '.' or ',' or '-');
}
