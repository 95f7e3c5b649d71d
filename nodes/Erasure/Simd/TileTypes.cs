namespace Testbed.Erasure.Simd;

/// <summary>A number of rows or columns as a type, so that a loop for each is compiled.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal readonly struct One : ICount
{
    public static int Value => 1;
}

internal readonly struct Two : ICount
{
    public static int Value => 2;
}

internal readonly struct Three : ICount
{
    public static int Value => 3;
}

internal readonly struct Four : ICount
{
    public static int Value => 4;
}

/// <summary>A <see cref="TileKind"/> as a type.</summary>
internal interface IKind
{
    static abstract TileKind Value { get; }
}

internal readonly struct SetKind : IKind
{
    public static TileKind Value => TileKind.Set;
}

internal readonly struct SetOnesKind : IKind
{
    public static TileKind Value => TileKind.SetOnes;
}

internal readonly struct AddKind : IKind
{
    public static TileKind Value => TileKind.Add;
}

internal readonly struct AddOnesKind : IKind
{
    public static TileKind Value => TileKind.AddOnes;
}
