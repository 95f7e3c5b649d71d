namespace Testbed.Checker;

/// <summary>What the operations of a history mean.</summary>
public enum HistoryModel : byte
{
    /// <summary>Reads, writes and deletes of values that are compared, nothing more.</summary>
    Register = 0,

    /// <summary>A register with compare-and-set.</summary>
    CasRegister = 1,

    /// <summary>Texts: get, put, append, delete; absent is the empty text.</summary>
    Kv = 2,
}
