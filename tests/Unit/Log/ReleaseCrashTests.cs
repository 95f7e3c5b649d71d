using System.Globalization;
using System.Text;
using Testbed.Log;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Log;

/// <summary>
/// A log that rolls, releases and uses files again, ended at each of its steps: what is found is a run of records
/// that holds everything durable and not released.
/// </summary>
public sealed class ReleaseCrashTests
{
    private const int Groups = 40;

    // Of what was not synced: nothing, everything, then as seeds draw it.
    private const int Images = 8;

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(2, 0, false)]
    [InlineData(2, 1024, false)]
    [InlineData(2, 4096, false)]
    [InlineData(2, 0, true)]
    public void Ended_at_any_step_it_opens_with_all_that_was_promised_and_goes_on(
        int spareSegments, int prefillBytes, bool writeIsDurable)
    {
        var options = new LogOptions
        {
            SegmentBytes = 4096,
            SpareSegments = spareSegments,
            PrefillBytes = prefillBytes,
            WriteIsDurable = writeIsDurable,
        };
        var used = 0;
        for (var steps = 1; ; steps++)
        {
            var done = false;
            for (var image = 0; image < (writeIsDurable ? 1 : Images); image++)
            {
                var disk = new MemoryLogDirectory { StepsLeft = steps };
                var life = new Life(disk, options);
                done = life.Run(seed: 1);
                used += disk.List().Count(SegmentFormat.IsSpare);

                // The second life is short, often too short to open the log.
                var random = new SplitMix64((ulong)((steps * Images) + image));
                End(disk, options, image, ref random);
                disk.StepsLeft = (long)random.Below(12);
                life.Run(seed: 2);
                End(disk, options, image, ref random);
                disk.StepsLeft = long.MaxValue;
                Assert.True(life.Run(seed: 3), "the log does not go on");
                life.Check();
            }

            if (done)
            {
                break;
            }
        }

        Assert.Equal(spareSegments > 0, used > 0);
    }

    private static void End(MemoryLogDirectory disk, LogOptions options, int image, ref SplitMix64 random)
    {
        if (options.WriteIsDurable)
        {
            disk.Kill();
            return;
        }

        var draw = random;
        disk.Crash(() => image switch
        {
            0 => false,
            1 => true,
            _ => draw.Below(100) < image * 12,
        });
        random = draw;
    }

    /// <summary>A log's lives on one disk, and what it has promised.</summary>
    private sealed class Life(MemoryLogDirectory disk, LogOptions options)
    {
        private readonly List<string> _written = [];
        private int _durable;
        private int _released;

        /// <summary>Opens and writes; false when the disk ended it.</summary>
        public bool Run(ulong seed)
        {
            var random = new SplitMix64(seed);
            try
            {
                using var log = Open();
                for (var i = 0; i < Groups; i++)
                {
                    log.Write(Next(1 + (int)random.Below(3), (int)random.Below(900)));
                    _durable = options.WriteIsDurable ? _written.Count : _durable;
                    if (random.Below(3) > 0)
                    {
                        log.Sync();
                        _durable = _written.Count;
                        if (random.Below(4) == 0)
                        {
                            _released = Math.Max(_released, _written.Count - (int)random.Below(12));
                            log.Release((ulong)_released);
                        }
                    }
                }

                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }

        public void Check()
        {
            using var log = Open();
            Assert.Equal((ulong)_written.Count, log.LastSequence);
        }

        private WriteAheadLog Open()
        {
            var found = new List<string>();
            var log = WriteAheadLog.Open(
                disk, options, (_, payload) => found.Add(Encoding.UTF8.GetString(payload.Span)));
            var first = (int)log.FirstSequence;
            var last = (int)log.LastSequence;
            Assert.InRange(first, 1, _released + 1);
            Assert.InRange(last, _durable, _written.Count);
            Assert.Equal(_written[(first - 1)..last], found);
            _written.RemoveRange(last, _written.Count - last);
            _durable = last;
            var names = disk.List().Where(name => !SegmentFormat.IsSpare(name)).ToList();
            Assert.Equal(
                Enumerable.Range(0, names.Count).Select(i => Number(names[0]) + i), names.Select(Number));
            Assert.InRange(disk.List().Count - names.Count, 0, options.SpareSegments);
            return log;
        }

        private static long Number(string name) =>
            SegmentFormat.TryNumber(name, out var number) ? number : throw new InvalidDataException(name);

        private LogGroup Next(int records, int payloadBytes)
        {
            var group = new LogGroup();
            for (var i = 0; i < records; i++)
            {
                var text = _written.Count.ToString(CultureInfo.InvariantCulture).PadRight(payloadBytes, '.');
                group.Add(1, Encoding.UTF8.GetBytes(text), []);
                _written.Add(text);
            }

            return group;
        }
    }
}
