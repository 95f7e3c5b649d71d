using System.Runtime.CompilerServices;

namespace Testbed.Erasure.Simd;

/// <summary>Four vectors of an instruction set, one behind the other.</summary>
internal readonly struct Quad<TVector>(TVector a, TVector b, TVector c, TVector d)
    where TVector : struct
{
    public readonly TVector A = a;
    public readonly TVector B = b;
    public readonly TVector C = c;
    public readonly TVector D = d;
}

/// <summary>Four vectors as one: a coefficient is fetched once for them.</summary>
internal readonly struct QuadLanes<TLanes, TVector, TFactor> : ILanes<Quad<TVector>, TFactor>
    where TLanes : struct, ILanes<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    public static string Name => TLanes.Name;

    public static int Bytes => 4 * TLanes.Bytes;

    public static int Rows => TLanes.Rows;

    public static Kernel Narrower => TLanes.Narrower;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFactor Factor(byte coefficient) => TLanes.Factor(coefficient);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad<TVector> Load(ref byte row, nuint offset) => new(
        TLanes.Load(ref row, offset),
        TLanes.Load(ref row, offset + (nuint)TLanes.Bytes),
        TLanes.Load(ref row, offset + (2 * (nuint)TLanes.Bytes)),
        TLanes.Load(ref row, offset + (3 * (nuint)TLanes.Bytes)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Quad<TVector> bytes, ref byte row, nuint offset)
    {
        TLanes.Store(bytes.A, ref row, offset);
        TLanes.Store(bytes.B, ref row, offset + (nuint)TLanes.Bytes);
        TLanes.Store(bytes.C, ref row, offset + (2 * (nuint)TLanes.Bytes));
        TLanes.Store(bytes.D, ref row, offset + (3 * (nuint)TLanes.Bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad<TVector> Add(Quad<TVector> a, Quad<TVector> b) =>
        new(TLanes.Add(a.A, b.A), TLanes.Add(a.B, b.B), TLanes.Add(a.C, b.C), TLanes.Add(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad<TVector> Multiply(Quad<TVector> bytes, TFactor factor) => new(
        TLanes.Multiply(bytes.A, factor), TLanes.Multiply(bytes.B, factor), TLanes.Multiply(bytes.C, factor),
        TLanes.Multiply(bytes.D, factor));
}
