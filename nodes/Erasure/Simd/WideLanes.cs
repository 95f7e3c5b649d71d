using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>Two or four vectors of an instruction set, one behind the other.</summary>
internal readonly struct Vectors<TVector>(TVector a, TVector b, TVector c, TVector d)
    where TVector : struct
{
    public readonly TVector A = a;
    public readonly TVector B = b;
    public readonly TVector C = c;
    public readonly TVector D = d;
}

/// <summary>Two or four vectors as one: a coefficient is fetched once for them.</summary>
internal readonly struct WideLanes<TLanes, TVector, TFactor> : ILanes<Vectors<TVector>, TFactor>
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    public static string Name => TLanes.Name;

    public static int Bytes => TLanes.Abreast * TLanes.Bytes;

    public static int Hoisted => TLanes.Hoisted;

    public static int Abreast => TLanes.Abreast;

    public static Kernel Narrower => TLanes.Narrower;

    private static bool IsFour => TLanes.Abreast == 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFactor Factor(byte coefficient) => TLanes.Factor(coefficient);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vectors<TVector> Load(ref byte row, nuint offset) => new(
        TLanes.Load(ref row, offset),
        TLanes.Load(ref row, offset + (nuint)TLanes.Bytes),
        IsFour ? TLanes.Load(ref row, offset + (2 * (nuint)TLanes.Bytes)) : default,
        IsFour ? TLanes.Load(ref row, offset + (3 * (nuint)TLanes.Bytes)) : default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vectors<TVector> bytes, ref byte row, nuint offset)
    {
        TLanes.Store(bytes.A, ref row, offset);
        TLanes.Store(bytes.B, ref row, offset + (nuint)TLanes.Bytes);
        if (IsFour)
        {
            TLanes.Store(bytes.C, ref row, offset + (2 * (nuint)TLanes.Bytes));
            TLanes.Store(bytes.D, ref row, offset + (3 * (nuint)TLanes.Bytes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vectors<TVector> Add(Vectors<TVector> a, Vectors<TVector> b) => new(
        TLanes.Add(a.A, b.A),
        TLanes.Add(a.B, b.B),
        IsFour ? TLanes.Add(a.C, b.C) : default,
        IsFour ? TLanes.Add(a.D, b.D) : default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vectors<TVector> Multiply(Vectors<TVector> bytes, TFactor factor) => new(
        TLanes.Multiply(bytes.A, factor),
        TLanes.Multiply(bytes.B, factor),
        IsFour ? TLanes.Multiply(bytes.C, factor) : default,
        IsFour ? TLanes.Multiply(bytes.D, factor) : default);
}
