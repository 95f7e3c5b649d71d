namespace Testbed.Workloads;
