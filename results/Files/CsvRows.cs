using System.Globalization;
using System.Text;
using CsvHelper;

namespace Testbed.Results;

/// <summary>
/// CSV of the run folder: RFC 4180, UTF-8 without mark, LF, invariant culture, snake_case headers, empty for
/// missing.
/// </summary>
public static class CsvRows
{
    /// <summary>
    /// Reads all rows; none when the file does not exist. The torn last line of an unfinished file is left
    /// out.
    /// </summary>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        var existing = PartialFile.Existing(path);
        if (existing is null)
        {
            return [];
        }

        var text = File.ReadAllText(existing, Encoding.UTF8);
        if (existing.EndsWith(PartialFile.Suffix, StringComparison.Ordinal))
        {
            text = text[..(text.LastIndexOf('\n') + 1)];
        }

        if (text.Length == 0)
        {
            return [];
        }

        using var reader = CsvReader.FromText(text, Reading);
        var rows = new List<T>();
        try
        {
            rows.AddRange(reader.GetRecords<T>());
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or ArgumentException
            or InvalidOperationException or IndexOutOfRangeException or KeyNotFoundException or OverflowException)
        {
            throw new ResultsException(string.Create(CultureInfo.InvariantCulture,
                $"{existing} line {rows.Count + 2}: {e.Message.ReplaceLineEndings(" ")}"), e);
        }

        return rows;
    }

    /// <summary>Writes a whole file.</summary>
    public static void Write<T>(string path, IEnumerable<T> rows)
    {
        using var appender = new CsvAppender<T>(path);
        foreach (var row in rows)
        {
            appender.Append(row);
        }

        appender.Complete();
    }

    private static readonly CsvReaderOptions Reading = CsvReaderOptions.Default with
    {
        FormatProvider = Strict(),
        MalformedData = CsvMalformedDataHandling.Throw,
        FieldCountMismatch = CsvFieldCountHandling.Throw,
    };

    /// <summary>
    /// Invariant, but "2,5" is an error and not twenty-five: the invariant culture takes the comma for
    /// grouping.
    /// </summary>
    private static CultureInfo Strict()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberGroupSeparator = "\u0001";
        return CultureInfo.ReadOnly(culture);
    }

    internal static CsvWriterOptions Writing { get; } = CsvWriterOptions.Default with
    {
        NewLine = "\n",
        FormatProvider = CultureInfo.InvariantCulture,
        WriteByteOrderMark = false,
    };
}

/// <summary>Appends rows to a CSV file while a run goes on. One thread at a time.</summary>
public sealed class CsvAppender<T> : IDisposable
{
    private readonly PartialFile _file;
    private readonly CsvWriter _writer;
    private bool _closed;

    /// <summary>Begins the file and writes its header.</summary>
    public CsvAppender(string path)
    {
        _file = new PartialFile(path);
        _writer = CsvWriter.Create(_file.Stream, CsvRows.Writing, leaveOpen: true);
        _writer.WriteHeader<T>();
        _writer.Flush();
    }

    /// <summary>Appends a row; it may stay in memory until <see cref="Flush"/>.</summary>
    public void Append(T row) => _writer.WriteRecord(row);

    /// <summary>Hands everything to the operating system.</summary>
    public void Flush()
    {
        _writer.Flush();
        _file.Stream.Flush();
    }

    /// <summary>Ends the file and gives it its name.</summary>
    public void Complete()
    {
        Flush();
        Close();
        _file.Complete();
    }

    /// <summary>Closes the file; unless completed it stays partial.</summary>
    public void Dispose()
    {
        Close();
        _file.Dispose();
    }

    private void Close()
    {
        if (!_closed)
        {
            _closed = true;
            _writer.Dispose();
        }
    }
}
