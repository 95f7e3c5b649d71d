namespace Testbed.Ecc;

/// <summary>What an <see cref="OperationEngine"/> keeps to; a client's or a node's options say it.</summary>
internal readonly record struct EngineOptions
{
    /// <summary>Operations at the same time, besides the gets of scans.</summary>
    internal required int Slots { get; init; }

    /// <summary>Values up to this size are written at width 1, unless widths are fixed.</summary>
    internal required int TinyValueBytes { get; init; }

    /// <summary>Puts code at width k and never step down.</summary>
    internal required bool FixedWidth { get; init; }

    /// <summary>Least time until a hedge or a message sent again.</summary>
    internal required long LeastHedgeMicros { get; init; }

    /// <summary>Test only: planted bugs.</summary>
    internal required EccMutants Mutants { get; init; }
}
