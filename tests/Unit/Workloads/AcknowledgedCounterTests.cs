using CsCheck;
using Testbed.Workloads;

namespace Testbed.Tests.Unit.Workloads;

public sealed class AcknowledgedCounterTests
{
    [Fact]
    public void The_limit_is_the_end_of_the_acknowledged_run_whatever_the_order() =>
        Gen.Shuffle(Enumerable.Range(0, 200).ToArray(), 150).Sample(order =>
        {
            var counter = new AcknowledgedCounter(1000);
            for (var i = 0; i < 200; i++)
            {
                Assert.True(counter.TryTake(out _));
            }

            var acknowledged = new bool[201];
            foreach (var number in order)
            {
                counter.Acknowledge(1000 + number);
                counter.Acknowledge(1000 + number);
                acknowledged[number] = true;
                Assert.Equal(999 + Array.IndexOf(acknowledged, false), counter.Limit);
            }
        }, iter: 200);

    [Fact]
    public void A_full_window_hands_out_nothing_until_the_oldest_is_acknowledged()
    {
        var counter = new AcknowledgedCounter(0);
        for (var i = 0; i < AcknowledgedCounter.Window; i++)
        {
            Assert.True(counter.TryTake(out _));
        }

        Assert.False(counter.TryTake(out _));
        counter.Acknowledge(1);
        Assert.False(counter.TryTake(out _));
        counter.Acknowledge(0);
        Assert.True(counter.TryTake(out var number));
        Assert.Equal(AcknowledgedCounter.Window, number);
        Assert.Equal(1, counter.Limit);
    }

    [Fact]
    public void Numbers_never_handed_out_cannot_be_acknowledged()
    {
        var counter = new AcknowledgedCounter(5);
        counter.Acknowledge(5);
        Assert.Equal(4, counter.Limit);
    }
}
