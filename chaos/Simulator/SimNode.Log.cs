using Testbed.Log;
using Testbed.Wire;

namespace Testbed.Simulator;

/// <summary>The node's log writer: one group at a time; what is appended meanwhile is the next.</summary>
internal sealed partial class SimNode
{
    // What is under way when all heals still ends soon.
    private const long LongestDiskMicros = 1_500_000;

    private readonly SimRandom _diskRandom;
    private WriteAheadLog? _log;
    private LogGroup _open = new();
    private LogGroup _handed = new();
    private bool _writingGroup;
    private bool _groupWritten;
    private long _handedUpTo;
    private long _release;
    private long _handedRelease;
    private long _appended;
    private long _durable;
    private long _announced;
    private long _recovered;

    /// <summary>The disk has taken a group, or ended a sync.</summary>
    public void DiskEvent(in SimEvent happened)
    {
        if (!Alive || happened.C != Life)
        {
            return;
        }

        if (IsPaused)
        {
            Cluster.Queue.Add(PausedUntil + 1, happened.Kind, Index, c: Life);
            return;
        }

        try
        {
            if (happened.Kind == EventKind.DiskSync)
            {
                _log!.Sync();
            }
            else
            {
                _log!.Write(_handed);
                _groupWritten = true;
                if (Cluster.Shape.Fsync)
                {
                    Cluster.Queue.Add(
                        Cluster.Now + DiskDelay(Cluster.Shape.SyncMicros), EventKind.DiskSync, Index, c: Life);
                    return;
                }
            }
        }
        catch (IOException refused)
        {
            DieOfDisk(refused);
            return;
        }

        try
        {
            Disk.Released = ulong.Max(Disk.Released, (ulong)_handedRelease);
            _log!.Release((ulong)_handedRelease);
        }
        catch (IOException refused)
        {
            DieOfDisk(refused);
            return;
        }

        _handed.Clear();
        _writingGroup = false;
        _durable = _handedUpTo;
        Deliver(new SimInput { Kind = SimInputKind.LogAdvanced });
    }

    private void Recover(INodeCore core)
    {
        if (Cluster.Shape.Volatile)
        {
            _recovered = 0;
            _appended = _durable = _announced = _handedUpTo = 0;
            return;
        }

        var before = Disk.DurableSequence;
        var records = new List<(byte Type, ReadOnlyMemory<byte> Payload)>();
        _log = WriteAheadLog.Open(
            Disk,
            new LogOptions
            {
                WriteIsDurable = !Cluster.Shape.Fsync,
                SegmentBytes = Cluster.Shape.SegmentBytes,
                SpareSegments = 2,
                TestAcceptTornTail = Cluster.Shape.Bugs.AcceptTornTail,
            },
            (type, payload) => records.Add((type, payload)));
        _recovered = records.Count;
        if (_log.LastSequence < before || _log.FirstSequence > Disk.Released + 1)
        {
            throw new SimulationViolation(
                $"n{Index} recovers records {_log.FirstSequence} to {_log.LastSequence}, but those from "
                + $"{Disk.Released + 1} to {before} were durable and not released (R6, E5)");
        }

        // The disk's records count as durable now: opening the log has made them so.
        Cluster.Checks.Forget(Index, ulong.Max(1, _log.FirstSequence));
        foreach (var (type, payload) in records)
        {
            Cluster.Checks.Durable(Index, type, payload);
            core.Recover(type, payload);
        }

        Disk.DurableSequence = _log.LastSequence;
        Recoveries += _recovered > 0 ? 1 : 0;
        _appended = _durable = _announced = _handedUpTo = (long)_log.LastSequence;
        _release = _handedRelease = 0;
    }

    private void ForgetLog()
    {
        _log = null;
        _open = new LogGroup();
        _handed = new LogGroup();
        _writingGroup = false;
    }

    private void HandOver()
    {
        if (Cluster.Shape.Volatile || _writingGroup || (_open.Count == 0 && _release == _handedRelease))
        {
            return;
        }

        (_open, _handed) = (_handed, _open);
        (_handedUpTo, _handedRelease) = (_appended, _release);
        (_writingGroup, _groupWritten) = (true, false);
        Cluster.Queue.Add(
            Cluster.Now + DiskDelay(Cluster.Shape.WriteMicros), EventKind.DiskWrite, Index, c: Life);
    }

    // Messages that waited for the disk leave before the core hears of it, so that they keep their place.
    private void AnnounceDurable(INodeCore core)
    {
        // Nothing is written at level memory, so everything is as durable as it will be.
        _durable = Cluster.Shape.Volatile ? _appended : _durable;
        if (_durable <= _announced)
        {
            return;
        }

        _announced = _durable;
        while (_held.TryPeek(out var held) && held.After <= _durable)
        {
            _held.Dequeue();
            held.Outbox.Released.Add(held.Frame);
            MarkDirty(held.Outbox);
        }

        core.StorageDone(new LogSequence(_durable), this);
    }

    /// <summary>Writes what is appended, as an orderly stop does; false when the disk refuses.</summary>
    private bool WriteAll()
    {
        try
        {
            // Each group is synced before the next is written: recovery relies on it.
            if (_writingGroup && !_groupWritten)
            {
                _log!.Write(_handed);
            }

            SyncAtFsync();
            _log!.Write(_open);
            SyncAtFsync();
            return true;
        }
        catch (Exception refused) when (refused is IOException or InvalidOperationException)
        {
            DieOfDisk(refused);
            return false;
        }
    }

    private void SyncAtFsync()
    {
        if (Cluster.Shape.Fsync)
        {
            _log!.Sync();
        }
    }

    private void DieOfDisk(Exception refused)
    {
        Cluster.Note("disk_deaths", $"n{Index} ends: {refused.Message}");
        Die(power: false);
        PlanBoot(Cluster.Now + 200_000);
    }

    private long DiskDelay(long usual)
    {
        usual *= Disk.Slowness;
        var delay = 1 + (usual / 2) + _diskRandom.Below(usual) + (_diskRandom.OneIn(50) ? 5 * usual : 0);
        return Math.Min(delay, LongestDiskMicros);
    }
}
