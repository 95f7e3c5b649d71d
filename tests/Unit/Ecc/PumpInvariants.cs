using System.Numerics;
using System.Text;
using Testbed.Checker;
using Testbed.Ecc;
using Testbed.Wire;

namespace Testbed.Tests.Unit.Ecc;

/// <summary>Looks into the nodes of a pump and compares them with the invariants of the protocol.</summary>
internal sealed class PumpInvariants
{
    private readonly EccPump _pump;
    private readonly EccCode _code;
    private readonly List<uint> _quorums = [];

    internal PumpInvariants(EccPump pump)
    {
        _pump = pump;
        _code = new EccCode(pump.Settings.Nodes, pump.Settings.DataElements);
        for (var mask = 0u; mask <= _code.AllNodes; mask++)
        {
            if (BitOperations.PopCount(mask) == _code.Quorum)
            {
                _quorums.Add(mask);
            }
        }
    }

    /// <summary>E4 and E5 for every quorum of running nodes; E3 for every node.</summary>
    internal void CheckQuorums()
    {
        if (_pump.Settings.Lie)
        {
            return;
        }

        for (var key = 0; key < _pump.Settings.Keys; key++)
        {
            var bytes = PumpClient.KeyBytes(key);
            var hash = EccCode.HashOf(bytes);
            var running = 0u;
            var fins = new EccVersion[_code.Nodes];
            foreach (var node in _pump.Nodes)
            {
                if (node.Core is { } core && core.Readiness.Votes(hash))
                {
                    running |= 1u << node.Index;
                    fins[node.Index] = core.Replica.FinOf(bytes);
                    CheckHeld(core.Replica, bytes, hash, fins[node.Index]);
                }
            }

            foreach (var quorum in _quorums)
            {
                if ((quorum & ~running) == 0)
                {
                    CheckQuorum(quorum, fins, bytes, hash, _pump.CompletedVersions[key]);
                }
            }
        }
    }

    private static void CheckHeld(Replica replica, byte[] key, ulong hash, EccVersion fin)
    {
        for (var i = replica.Held.First(key, hash); i >= 0; i = replica.Held.Next(i, key, hash))
        {
            Invariant.Holds(replica.Held.VersionAt(i) > fin
                || replica.Held.IsPinnedAt(i), "E3 held versions >= fin");
        }
    }

    private void CheckQuorum(uint quorum, EccVersion[] fins, byte[] key, ulong hash, EccVersion completed)
    {
        var max = EccVersion.None;
        for (var rest = quorum; rest != 0; rest &= rest - 1)
        {
            var fin = fins[BitOperations.TrailingZeroCount(rest)];
            max = fin > max ? fin : max;
        }

        Invariant.Holds(max >= completed, "E5 a quorum knows every completed operation");
        if (max.Width == 0)
        {
            return;
        }

        var elements = 0;
        for (var rest = quorum; rest != 0; rest &= rest - 1)
        {
            var node = _pump.Nodes[BitOperations.TrailingZeroCount(rest)];
            elements += Holds(node.Core!.Replica, key, hash, max) ? 1 : 0;
        }

        Invariant.Holds(elements >= max.Width, "E4 a quorum decodes its maximum fin");
    }

    private static bool Holds(Replica replica, byte[] key, ulong hash, EccVersion version) =>
        replica.Held.Find(key, hash, version) >= 0
        || (replica.Store.TryGet(key, out var header, out _) && header.Version == version.Value
            && !Replica.IsMissing(header));

    /// <summary>All nodes agree, hold their elements, at full width, and have nothing under way.</summary>
    internal bool IsQuiet()
    {
        foreach (var node in _pump.Nodes)
        {
            if (node.Core is not { } core || !core.IsIdle || core.Replica.NarrowKeys > 0)
            {
                return false;
            }
        }

        for (var key = 0; key < _pump.Settings.Keys; key++)
        {
            var bytes = PumpClient.KeyBytes(key);
            var fin = _pump.Nodes[0].Core!.Replica.FinOf(bytes);
            foreach (var node in _pump.Nodes)
            {
                if (node.Core!.Replica.FinOf(bytes) != fin)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>
    /// E10, and E9: what is held beside is no more than indefinite or failed writes can have left.
    /// </summary>
    internal void CheckConverged()
    {
        CheckQuorums();
        for (var key = 0; key < _pump.Settings.Keys; key++)
        {
            var bytes = PumpClient.KeyBytes(key);
            foreach (var node in _pump.Nodes)
            {
                if (!node.Core!.Replica.Store.TryGet(bytes, out var header, out _))
                {
                    continue;
                }

                Invariant.Holds(!Replica.IsMissing(header), "E10 one element per node and key");
                Invariant.Holds(!node.Core!.Replica.IsNarrow(header), "E10 width = target");
            }
        }

        var indefinite = _pump.History.FindAll(o => o.Kind != HistoryKind.Read
            && o.Outcome != HistoryOutcome.Ok).Count;
        foreach (var node in _pump.Nodes)
        {
            var orphans = node.Core!.Replica.Held.Count - node.Core.Replica.Held.PinnedCount;
            Invariant.Holds(
                orphans <= indefinite * (_pump.Settings.DataElements + 1),
                    "E9 held bytes are values and orphans");
        }
    }

    internal string Describe()
    {
        var text = new StringBuilder();
        foreach (var node in _pump.Nodes)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"n{node.Index}");
            if (node.Core is not { } core)
            {
                text.Append(" down; ");
                continue;
            }

            text.Append(System.Globalization.CultureInfo.InvariantCulture,
                $" idle {core.IsIdle} caught up {core.IsCaughtUp} missing {core.Replica.MissingElements}");
            text.Append(System.Globalization.CultureInfo.InvariantCulture,
                $" narrow {core.Replica.NarrowKeys} held {core.Replica.Held.Count}");
            for (var key = 0; key < _pump.Settings.Keys; key++)
            {
                text.Append(System.Globalization.CultureInfo.InvariantCulture,
                    $" {core.Replica.FinOf(PumpClient.KeyBytes(key))}");
            }

            text.Append("; ");
        }

        foreach (var client in _pump.Clients)
        {
            text.Append(client.Alive ? client.IsIdle ? " idle" : " busy" : " dead");
        }

        return text.ToString();
    }
}
