using Testbed.Workloads;

namespace Testbed.Tests.Unit.Workloads;

public sealed class ArrivalScheduleTests
{
    [Fact]
    public void Constant_arrivals_do_not_drift()
    {
        var schedule = ArrivalSchedule.Constant(3000);
        long last = 0;
        for (var i = 0; i <= 3_000_000; i++)
        {
            last = schedule.NextNanos();
        }

        Assert.Equal(1_000_000_000_000, last);
    }

    [Fact]
    public void Poisson_arrivals_have_the_rate_and_the_spread_of_exponential_gaps()
    {
        var schedule = ArrivalSchedule.Poisson(2000, seed: 1);
        const int count = 200_000;
        long last = 0;
        double squares = 0;
        for (var i = 0; i < count; i++)
        {
            var next = schedule.NextNanos();
            Assert.True(next >= last);
            squares += (double)(next - last) * (next - last);
            last = next;
        }

        var mean = last / (double)count;
        Assert.InRange(mean, 495_000, 505_000);
        Assert.Equal(2, squares / count / (mean * mean), 0.05);
    }

    [Fact]
    public void One_seed_gives_one_schedule()
    {
        var one = ArrivalSchedule.Poisson(100, 9);
        var same = ArrivalSchedule.Poisson(100, 9);
        var other = ArrivalSchedule.Poisson(100, 10);
        Assert.Equal(one.NextNanos(), same.NextNanos());
        Assert.NotEqual(one.NextNanos(), other.NextNanos());
    }

    [Fact]
    public void Steps_change_the_rate_at_their_time_and_the_last_one_stays()
    {
        var schedule = ArrivalSchedule.Steps([new(1000, 10), new(5000, 10), new(100, 1)], seed: 3);
        var counts = new int[4];
        for (var next = schedule.NextNanos(); next < 40_000_000_000; next = schedule.NextNanos())
        {
            counts[next / 10_000_000_000]++;
        }

        Assert.InRange(counts[0], 9_500, 10_500);
        Assert.InRange(counts[1], 49_000, 51_000);
        Assert.InRange(counts[2], 800, 1_200);
        Assert.InRange(counts[3], 800, 1_200);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_rate_that_is_none_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ArrivalSchedule.Constant(rate));
}
