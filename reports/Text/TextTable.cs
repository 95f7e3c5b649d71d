using System.Text;

namespace Testbed.Reports;

/// <summary>
/// A plain text table: first column left, the others right, unless told otherwise; two spaces between.
/// </summary>
internal sealed class TextTable
{
    private readonly List<string[]> rows = [];
    private readonly HashSet<int> left = [0];

    /// <summary>A table with these headers.</summary>
    public TextTable(params string[] headers) => rows.Add(headers);

    /// <summary>Rows, the header not counted.</summary>
    public int Count => rows.Count - 1;

    /// <summary>Aligns a column to the left.</summary>
    public TextTable Left(int column)
    {
        left.Add(column);
        return this;
    }

    /// <summary>Adds a row; it must have a cell per header.</summary>
    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, rows[0].Length, nameof(cells));
        rows.Add(cells);
    }

    /// <summary>
    /// The lines, each starting with the indent; a column that is empty in every row is left out.
    /// </summary>
    public IEnumerable<string> Lines(string indent = "")
    {
        int[] columns = [.. Enumerable.Range(0, rows[0].Length)
            .Where(c => c == 0 || rows.Skip(1).Any(r => r[c].Length > 0))];
        int[] widths = [.. columns.Select(c => rows.Max(r => r[c].Length))];
        foreach (string[] row in rows)
        {
            StringBuilder line = new(indent);
            for (int i = 0; i < columns.Length; i++)
            {
                string cell = row[columns[i]];
                line.Append(i == 0 ? "" : "  ");
                line.Append(left.Contains(columns[i]) ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]));
            }

            yield return line.ToString().TrimEnd();
        }
    }
}
