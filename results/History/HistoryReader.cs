using System.Globalization;
using System.IO.Compression;
using Testbed.Checker;

namespace Testbed.Results;

/// <summary>A history as read from a file.</summary>
/// <param name="Operations">Its operations, in order of completion; those without one at the end, as
/// indefinite.</param>
/// <param name="Truncated">True when the file ended in the middle (a crash): what came before is
/// there.</param>
/// <param name="Open">Operations that had no completion.</param>
public sealed record History(IReadOnlyList<HistoryOperation> Operations, bool Truncated, int Open)
{
    /// <summary>Values that are neither identities nor plain numbers.</summary>
    public HistoryTexts Texts { get; init; } = new();

    /// <summary>What keys began with, by key.</summary>
    public IReadOnlyDictionary<long, ulong> InitialValues { get; init; } = new Dictionary<long, ulong>();

    /// <summary>What all other keys began with; 0 is absent.</summary>
    public ulong InitialForAll { get; init; }
}

/// <summary>How a history is to be understood.</summary>
public sealed record HistoryReading
{
    /// <summary>Registers with compare-and-set.</summary>
    public static HistoryReading Default { get; } = new();

    /// <summary>What the operations mean.</summary>
    public HistoryModel Model { get; init; } = HistoryModel.CasRegister;

    /// <summary>What all keys began with, as text; null: what the first line says, else absent.</summary>
    public string? Initial { get; init; }
}

/// <summary>Reads histories, ours or from elsewhere, see docs/HISTORY-FORMAT.md.</summary>
public sealed class HistoryReader
{
    private readonly Dictionary<int, HistoryEvent> _open = [];
    private readonly List<HistoryOperation> _operations = [];
    private readonly string _name;
    private readonly HistoryModel _model;
    private readonly HistoryValues _values;
    private long _line;
    private long _latest = long.MinValue;

    private HistoryReader(string name, HistoryReading reading)
    {
        _name = name;
        _model = reading.Model;
        _values = new HistoryValues(_model);
    }

    /// <summary>
    /// Reads a file, compressed or not; or of a run folder's path the finished, else the unfinished history.
    /// Throws
    /// <see cref="ResultsException"/> with the line number and what is wrong there.
    /// </summary>
    public static History Read(string path, HistoryReading? reading = null)
    {
        var existing = PartialFile.Existing(path) ?? throw new ResultsException($"There is no history {path}.");
        try
        {
            using var file = File.OpenRead(existing);
            Span<byte> magic = stackalloc byte[2];
            var zipped = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2
                && magic.SequenceEqual((ReadOnlySpan<byte>)[0x1f, 0x8b]);
            file.Position = 0;
            if (!zipped)
            {
                return Read(file, existing, reading);
            }

            using var unzipped = new GZipStream(file, CompressionMode.Decompress);
            return Read(unzipped, existing, reading);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ResultsException($"Cannot read {existing}: {e.Message}", e);
        }
    }

    /// <summary>Reads lines from a stream; <paramref name="name"/> stands in error messages.</summary>
    public static History Read(Stream stream, string name, HistoryReading? reading = null)
    {
        var reader = new HistoryReader(name, reading ?? HistoryReading.Default);
        var truncated = reader.ReadLines(stream);
        foreach (var invocation in reader._open.Values.OrderBy(e => e.TimeNanos))
        {
            reader._operations.Add(new HistoryOperation(
                invocation.Process, invocation.Kind, invocation.Key, invocation.Value, invocation.TimeNanos,
                Math.Max(reader._latest, invocation.TimeNanos), HistoryOutcome.Info)
                {
                    Expected = invocation.Expected,
                });
        }

        var values = reader._values;
        return new History(reader._operations, truncated, reader._open.Count)
        {
            Texts = values.Texts,
            InitialValues = values.Initial,
            InitialForAll = reading?.Initial is { } initial ? values.Parse(initial) : values.InitialForAll,
        };
    }

    private bool ReadLines(Stream stream)
    {
        var buffer = new byte[1 << 17];
        var held = 0;
        while (true)
        {
            int got;
            var damaged = false;
            try
            {
                got = stream.Read(buffer.AsSpan(held));
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                got = 0;
                damaged = true;
            }

            if (got == 0)
            {
                return EndOfInput(buffer.AsSpan(0, held)) || damaged;
            }

            held += got;
            var start = 0;
            int length;
            while ((length = buffer.AsSpan(start, held - start).IndexOf((byte)'\n')) >= 0)
            {
                _line++;
                Take(buffer.AsSpan(start, length));
                start += length + 1;
            }

            held -= start;
            buffer.AsSpan(start, held).CopyTo(buffer);
            if (held == buffer.Length)
            {
                throw Malformed($"a line is longer than {buffer.Length.ToString(CultureInfo.InvariantCulture)} bytes");
            }
        }
    }

    /// <summary>
    /// A last line without its end is either whole, or where a crash cut the file: then true.
    /// </summary>
    private bool EndOfInput(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
        {
            return false;
        }

        _line++;
        if (rest.TrimEnd(" \t\r"u8) is not [.., (byte)'}'])
        {
            return true;
        }

        Take(rest);
        return false;
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (_line == 1 && line.StartsWith("\uFEFF"u8))
        {
            line = line[3..];
        }

        try
        {
            if (HistoryLineScan.TryRead(line, _model, out var ours))
            {
                Pair(ours);
                return;
            }

            if (line.Trim(" \t\r"u8).IsEmpty)
            {
                return;
            }

            if (HistoryLine.Read(line, _values, out _) is { } e)
            {
                Pair(e);
            }
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message, e);
        }
    }

    private void Pair(in HistoryEvent e)
    {
        _latest = Math.Max(_latest, e.TimeNanos);
        if (e.Type == HistoryEventType.Invoke)
        {
            if (!_open.TryAdd(e.Process, e))
            {
                throw new FormatException($"process {Number(e.Process)} begins an operation before its last one ended");
            }

            return;
        }

        if (!_open.Remove(e.Process, out var invocation))
        {
            throw new FormatException($"process {Number(e.Process)} ends an operation it did not begin");
        }

        if (invocation.Kind != e.Kind || invocation.Key != e.Key)
        {
            throw new FormatException($"process {Number(e.Process)} ends another operation than it began ('f' or 'key' differ)");
        }

        if (e.TimeNanos < invocation.TimeNanos)
        {
            throw new FormatException($"process {Number(e.Process)} ends an operation before its invocation's time");
        }

        if (e.Kind is HistoryKind.Write or HistoryKind.Cas && e.Value != 0
            && (e.Value != invocation.Value || e.Expected != invocation.Expected))
        {
            throw new FormatException($"process {Number(e.Process)} ends a write with another value than it began with");
        }

        var value = e.Kind == HistoryKind.Read ? e.Value : e.Kind == HistoryKind.Delete ? 0 : invocation.Value;
        _operations.Add(new HistoryOperation(
            e.Process, e.Kind, e.Key, value, invocation.TimeNanos, e.TimeNanos, (HistoryOutcome)((int)e.Type - 1))
        {
            Expected = invocation.Expected,
        });
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private ResultsException Malformed(string what, Exception? inner = null) => new(
        string.Create(CultureInfo.InvariantCulture, $"{_name} line {_line}: {what}."), inner);
}
