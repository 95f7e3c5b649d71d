namespace Testbed.Checker;

/// <summary>
/// Exhaustive search for an order (Wing and Gong 1993) that remembers what it has seen (Lowe 2017). Works for
/// any history of a register with deletes, compare-and-sets and appends; exponential at worst, so bounded. Independent of the fast check,
/// and its reference in tests.
/// </summary>
internal static class WingGong
{
    /// <summary>Verdict, and for invalid the operations at which the longest explained part ends.</summary>
    public readonly record struct Outcome(Verdict Verdict, IReadOnlyList<HistoryOperation> Stuck);

    /// <summary>
    /// An event in time order: the beginning of an operation, or the end of one that is ok.
    /// </summary>
    private struct Event
    {
        public int Operation;
        public int Match;
        public int Previous;
        public int Next;
        public bool Begins;
    }

    private readonly record struct Step(int Event, ulong Before);

    /// <summary>Searches.</summary>
    public static Outcome Check(
        ReadOnlySpan<HistoryOperation> operations, ulong initial, long maxSteps, long maxBytes,
        HistoryTexts? texts = null)
    {
        var relevant = new List<HistoryOperation>();
        foreach (ref readonly var operation in operations)
        {
            if (operation.Outcome == HistoryOutcome.Ok
                || (operation.Outcome == HistoryOutcome.Info && operation.Kind != HistoryKind.Read))
            {
                relevant.Add(operation);
            }
        }

        // By time, so that the taken ones lie close together and their set stays small.
        relevant.Sort((a, b) => a.InvokeNanos.CompareTo(b.InvokeNanos));
        return new Search(relevant, initial, new RegisterModel(texts)).Run(maxSteps, maxBytes);
    }

    private sealed class Search
    {
        private readonly List<HistoryOperation> _operations;
        private readonly Event[] _events;
        private readonly Stack<Step> _done = new();
        private readonly SeenStates _seen;
        private readonly RegisterModel _model;
        private ulong _state;
        private int _openOk;

        public Search(List<HistoryOperation> operations, ulong initial, RegisterModel model)
        {
            _model = model;
            _operations = operations;
            _state = initial;
            _seen = new SeenStates(operations.Count);
            _events = Link(operations);
            _openOk = operations.Count(operation => operation.Outcome == HistoryOutcome.Ok);
        }

        public Outcome Run(long maxSteps, long maxBytes)
        {
            var at = _events[0].Next;
            var deepest = -1;
            IReadOnlyList<HistoryOperation> stuck = [];
            for (long step = 0; _openOk > 0; step++)
            {
                if (step >= maxSteps || _seen.Bytes + _model.Bytes > maxBytes)
                {
                    return new Outcome(Verdict.Unknown, []);
                }

                if (at != 0 && _events[at].Begins)
                {
                    at = TryTake(at) ? _events[0].Next : _events[at].Next;
                    continue;
                }

                // An end of an operation not yet taken, or no event left: what was taken last was wrong.
                if (_done.Count > deepest)
                {
                    deepest = _done.Count;
                    stuck = Open();
                }

                if (_done.Count == 0)
                {
                    return new Outcome(Verdict.Invalid, stuck);
                }

                at = GiveBack();
            }

            return new Outcome(Verdict.Valid, []);
        }

        private bool TryTake(int at)
        {
            var operation = _operations[_events[at].Operation];
            if (!_model.Allows(operation, _state, out var after) || !_seen.Add(_events[at].Operation, after))
            {
                return false;
            }

            _done.Push(new Step(at, _state));
            _state = after;
            _openOk -= operation.Outcome == HistoryOutcome.Ok ? 1 : 0;
            Unlink(_events[at].Match);
            Unlink(at);
            return true;
        }

        private int GiveBack()
        {
            var (at, before) = _done.Pop();
            Relink(at);
            Relink(_events[at].Match);
            _seen.Remove(_events[at].Operation);
            _openOk += _operations[_events[at].Operation].Outcome == HistoryOutcome.Ok ? 1 : 0;
            _state = before;
            return _events[at].Next;
        }

        private List<HistoryOperation> Open()
        {
            var open = new List<HistoryOperation>();
            for (var at = _events[0].Next; at != 0 && open.Count < 6; at = _events[at].Next)
            {
                if (_events[at].Begins)
                {
                    open.Add(_operations[_events[at].Operation]);
                }
            }

            return open;
        }

        private void Unlink(int at)
        {
            if (at != 0)
            {
                _events[_events[at].Previous].Next = _events[at].Next;
                _events[_events[at].Next].Previous = _events[at].Previous;
            }
        }

        private void Relink(int at)
        {
            if (at != 0)
            {
                _events[_events[at].Previous].Next = at;
                _events[_events[at].Next].Previous = at;
            }
        }
    }

    /// <summary>
    /// A ring of events whose element 0 is head and tail. At equal times beginnings come before ends: they
    /// overlap.
    /// </summary>
    private static Event[] Link(List<HistoryOperation> operations)
    {
        var order = new List<(long Time, bool Ends, int Operation)>();
        for (var i = 0; i < operations.Count; i++)
        {
            order.Add((operations[i].InvokeNanos, false, i));
            if (operations[i].Outcome == HistoryOutcome.Ok)
            {
                order.Add((operations[i].CompleteNanos, true, i));
            }
        }

        order.Sort();
        var events = new Event[order.Count + 1];
        var begins = new int[operations.Count];
        for (var i = 1; i < events.Length; i++)
        {
            var (_, ends, operation) = order[i - 1];
            events[i] = new Event { Operation = operation, Begins = !ends };
            if (ends)
            {
                events[begins[operation]].Match = i;
            }
            else
            {
                begins[operation] = i;
            }
        }

        for (var i = 0; i < events.Length; i++)
        {
            events[i].Next = (i + 1) % events.Length;
            events[i].Previous = (i + events.Length - 1) % events.Length;
        }

        return events;
    }
}
