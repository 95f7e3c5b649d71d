using System.Globalization;
using System.Text;
using HdrHistogram;
using HdrHistogram.Utilities;

namespace Testbed.Results;

/// <summary>
/// Writes <c>histograms.hlog</c>: HdrHistogram's log format (1.3) with its V2 encoding, one line per second,
/// operation and outcome under <c>Tag=read.ok</c>, and an untagged line per second with all that count as
/// goodput, which tools read without options. UTF-8 without mark: the library's own log writer emits UTF-16,
/// which other tools reject.
/// </summary>
internal sealed class HistogramLog : IDisposable
{
    private const long SecondNanos = 1_000_000_000;

    private readonly PartialFile _file;
    private readonly StreamWriter _text;
    private readonly LongHistogram?[] _cells = new LongHistogram?[Window.CellCount];
    private readonly LongHistogram _total = Histograms.Create();
    private readonly ByteBuffer _buffer;
    private long _second = -1;
    private bool _closed;

    public HistogramLog(string path, DateTimeOffset startedUtc)
    {
        _file = new PartialFile(path);
        _text = new StreamWriter(_file.Stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        _buffer = ByteBuffer.Allocate(_total.GetNeededByteBufferCapacity() + 64);
        var seconds = Fixed(startedUtc.ToUnixTimeMilliseconds() / 1000.0);
        var utc = startedUtc.UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
        _text.WriteLine("#[Histogram log format version 1.3]");
        _text.WriteLine($"#[StartTime: {seconds} (seconds since epoch), {utc}]");
        _text.WriteLine($"#[BaseTime: {seconds} (seconds since epoch)]");
        _text.WriteLine("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"");
    }

    /// <summary>Adds a window; windows come in order of time, late ones last.</summary>
    public void Add(Window window)
    {
        var second = window.Index * Window.Nanos / SecondNanos;
        if (second != _second)
        {
            EndInterval();
            _second = second;
        }

        for (var i = 0; i < Window.CellCount; i++)
        {
            var outcome = Window.OutcomeOf(i);
            if (window.Cells[i] is not { Count: > 0 } cell || outcome == OperationOutcome.Shed)
            {
                continue;
            }

            var histogram = _cells[i] ??= Histograms.Create();
            var good = outcome is OperationOutcome.Ok or OperationOutcome.NotFound;
            foreach (ref readonly var sample in cell.Samples)
            {
                histogram.RecordValue(sample.LatencyNanos);
                if (good)
                {
                    _total.RecordValue(sample.LatencyNanos);
                }
            }
        }
    }

    public void Flush()
    {
        _text.Flush();
        _file.Stream.Flush();
    }

    public void Complete()
    {
        EndInterval();
        Close();
        _file.Complete();
    }

    /// <summary>Ends the file with the seconds gathered so far; unless completed it stays partial.</summary>
    public void Dispose()
    {
        if (!_closed)
        {
            EndInterval();
            Close();
        }

        _file.Dispose();
    }

    private void Close()
    {
        _closed = true;
        _text.Dispose();
    }

    private void EndInterval()
    {
        if (_second < 0)
        {
            return;
        }

        for (var i = 0; i < Window.CellCount; i++)
        {
            if (_cells[i] is { TotalCount: > 0 } histogram)
            {
                var tag = $"{OperationNames.Of(Window.TypeOf(i))}.{OutcomeNames.Of(Window.OutcomeOf(i))}";
                WriteLine(histogram, $"Tag={tag},");
                histogram.Reset();
            }
        }

        WriteLine(_total, "");
        _total.Reset();
    }

    private void WriteLine(LongHistogram histogram, string tag)
    {
        _buffer.Position = 0;
        var length = histogram.EncodeIntoCompressedByteBuffer(_buffer);
        var bytes = new byte[length];
        _buffer.Position = 0;
        for (var i = 0; i < length; i++)
        {
            bytes[i] = _buffer.Get();
        }

        var max = histogram.TotalCount == 0 ? 0 : histogram.GetMaxValue() / 1e6;
        _text.WriteLine($"{tag}{Fixed(_second)},{Fixed(1)},{Fixed(max)},{Convert.ToBase64String(bytes)}");
    }

    private static string Fixed(double value) => value.ToString("F3", CultureInfo.InvariantCulture);
}
