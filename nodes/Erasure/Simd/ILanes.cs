namespace Testbed.Erasure.Simd;

/// <summary>
/// Vectors of bytes of one instruction set, as elements of GF(2^8). A type rather than an object, so that the
/// loop over them is compiled for each.
/// </summary>
/// <typeparam name="TVector">Some bytes.</typeparam>
/// <typeparam name="TFactor">A coefficient in the form in which multiplication wants it.</typeparam>
internal interface ILanes<TVector, TFactor>
{
    /// <summary>The kernel's name.</summary>
    static abstract string Name { get; }

    /// <summary>Bytes of a vector.</summary>
    static abstract int Bytes { get; }

    /// <summary>Most coefficients that are fetched once, before the loop over a tile's bytes.</summary>
    static abstract int Hoisted { get; }

    /// <summary>Vectors of each output, 2 or 4, for which a coefficient is fetched otherwise.</summary>
    static abstract int Abreast { get; }

    /// <summary>The kernel for fewer bytes.</summary>
    static abstract Kernel Narrower { get; }

    static abstract TFactor Factor(byte coefficient);

    static abstract TVector Load(ref byte row, nuint offset);

    static abstract void Store(TVector bytes, ref byte row, nuint offset);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Multiply(TVector bytes, TFactor factor);
}
