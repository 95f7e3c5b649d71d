using Testbed.Results;

namespace Testbed.Tests.Unit.Results;

/// <summary>Small but whole records.</summary>
internal static class Sample
{
    public static Manifest Manifest(string id) => new()
    {
        RunId = id,
        StartedUtc = "2026-01-02T12:00:00Z",
        Argv = ["run", "--strategy", "ecc"],
        Options = new Dictionary<string, string> { ["rate"] = "2000" },
        Strategy = "ecc",
        Nodes = 5,
        DataElements = 3,
        Tolerance = 2,
        Durability = "os",
        Cluster = "process",
        Workload = "b",
        WorkloadProperties = new Dictionary<string, string> { ["recordcount"] = "10000" },
        Seed = ulong.MaxValue,
        OfferedRate = 2000.5,
        NodeBuild = "jit",
        Commit = "unknown",
        Dirty = true,
        Versions = new Dictionary<string, string> { ["dotnet"] = "10" },
        Machine = new Dictionary<string, string> { ["cores"] = "2" },
        FaultPlan = "{\"faults\":[]}",
    };

    public static Summary Summary(string id, bool complete) => new()
    {
        RunId = id,
        Complete = complete,
        Verdict = "valid",
        VerdictReason = "Every read is explained.",
        ExitCode = 0,
        MeasuredNs = 30_000_000_000,
        Phases = [new PhaseSpan("steady", 0, 30_000_000_000)],
        Operations =
        [
            new OperationFigures("measured", "read", 10, 1, 0, 0, 0, 0, 0.367, 412.5, 500, 1800, 2500, 2600, 400, 1700, 2),
        ],
        ScheduleLagP99Ns = 81_000,
        AttemptedShare = 0.999,
        Check = new CheckFigures("valid", 11, 5, 1, 0, 0, 0, 1, 1, 0.125, null),
        Bytes = new ByteFigures(1000, 1700, 2000, 1.7, 1.6666666666666667, 5, 6, null, 1.5, null),
        Memory = new MemoryFigures(2000, null, 3000, 1000, 5000, 4000),
        Traffic = [new TrafficFigures("load", "put", 10, 300, 400)],
        Faults = [new FaultFigures(1, "kill", "n2", 1, 2, 3, 0, 0, 4, null, 5, 100)],
        Rebuilds = [new RebuildFigures(1, "n2", "ready", 256, 256, 420_000_000, 100, 301, 3.01)],
        DeclaredLost = new LossFigures(3, 2, 10, 0),
        Nodes = [new NodeFigures("n0", 1.5, 100, 1, 2, 3, 0, true, "up")],
        ClientCounters = new Dictionary<string, long> { ["retries"] = 3 },
        Notes = ["a note"],
    };

    public const string SummaryJson =
        """
        {
          "schema": "testbed.summary/1",
          "run_id": "r",
          "complete": false,
          "verdict": "valid",
          "verdict_reason": "Every read is explained.",
          "exit_code": 0,
          "measured_ns": 30000000000,
          "phases": [
            {
              "name": "steady",
              "start_ns": 0,
              "end_ns": 30000000000
            }
          ],
          "operations": [
            {
              "phase": "measured",
              "operation": "read",
              "ok": 10,
              "not_found": 1,
              "failed": 0,
              "unknown": 0,
              "corrupt": 0,
              "shed": 0,
              "goodput_per_second": 0.367,
              "latency_p50_us": 412.5,
              "latency_p90_us": 500,
              "latency_p99_us": 1800,
              "latency_p999_us": 2500,
              "latency_max_us": 2600,
              "service_p50_us": 400,
              "service_p99_us": 1700,
              "degraded": 2
            }
          ],
          "schedule_lag_p99_ns": 81000,
          "attempted_share": 0.999,
          "check": {
            "result": "valid",
            "operations": 11,
            "keys": 5,
            "acknowledged_writes": 1,
            "lost_writes": 0,
            "stale_reads": 0,
            "corrupt_reads": 0,
            "indefinite_writes": 1,
            "indefinite_seen": 1,
            "check_seconds": 0.125,
            "counterexample": null
          },
          "bytes": {
            "logical_bytes": 1000,
            "stored_payload_bytes": 1700,
            "stored_total_bytes": 2000,
            "stored_per_logical": 1.7,
            "theory_stored_per_logical": 1.6666666666666667,
            "client_sent_bytes": 5,
            "node_sent_bytes": 6,
            "node_received_bytes": null,
            "sent_per_operation": 1.5,
            "cpu_micros_per_operation": null
          },
          "memory": {
            "store_total_bytes": 2000,
            "log_allocated_bytes": null,
            "gc_heap_bytes": 3000,
            "empty_gc_heap_bytes": 1000,
            "rss_bytes": 5000,
            "empty_rss_bytes": 4000
          },
          "traffic": [
            {
              "phase": "load",
              "operation": "put",
              "operations": 10,
              "client_sent_bytes": 300,
              "node_sent_bytes": 400
            }
          ],
          "faults": [
            {
              "id": 1,
              "kind": "kill",
              "node": "n2",
              "applied_ns": 1,
              "healed_ns": 2,
              "detect_ns": 3,
              "unavailable_read_ns": 0,
              "unavailable_write_ns": 0,
              "first_success_ns": 4,
              "full_recovery_ns": null,
              "caught_up_ns": 5,
              "ok_while_down": 100,
              "by_snapshot": false
            }
          ],
          "rebuilds": [
            {
              "fault_id": 1,
              "node": "n2",
              "standing": "ready",
              "slots_ready": 256,
              "slots": 256,
              "full_redundancy_ns": 420000000,
              "rebuilt_bytes": 100,
              "read_bytes": 301,
              "read_per_rebuilt": 3.01
            }
          ],
          "declared_lost": {
            "empty_nodes": 3,
            "tolerance": 2,
            "refused_keys": 10,
            "answered_keys": 0
          },
          "nodes": [
            {
              "node": "n0",
              "cpu_seconds": 1.5,
              "max_rss_bytes": 100,
              "network_rx_bytes": 1,
              "network_tx_bytes": 2,
              "disk_write_bytes": 3,
              "restarts": 0,
              "caught_up": true,
              "state": "up"
            }
          ],
          "client_counters": {
            "retries": 3
          },
          "notes": [
            "a note"
          ]
        }

        """;
}
