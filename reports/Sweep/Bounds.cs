namespace Testbed.Reports;

/// <summary>Between what a prediction lies; both ends the same where it is one number.</summary>
internal readonly record struct Bounds(double Least, double Most)
{
    /// <summary>One number.</summary>
    public static Bounds Of(double value) => new(value, value);

    /// <summary>Both ends together.</summary>
    public static Bounds operator +(Bounds left, Bounds right) =>
        new(left.Least + right.Least, left.Most + right.Most);

    /// <summary>Both ends times a number that is not negative.</summary>
    public static Bounds operator *(Bounds bounds, double factor) =>
        new(bounds.Least * factor, bounds.Most * factor);

    /// <summary>
    /// The ratio of two predictions of one situation: least to least and most to most, in order.
    /// </summary>
    public static Bounds operator /(Bounds left, Bounds right)
    {
        double least = left.Least / right.Least;
        double most = left.Most / right.Most;
        return new Bounds(Math.Min(least, most), Math.Max(least, most));
    }

    /// <summary>How far a value lies outside, as a share of the nearer end; 0 inside.</summary>
    public double Deviation(double measured) =>
        measured < Least ? (measured / Least) - 1 : measured > Most ? (measured / Most) - 1 : 0;
}
