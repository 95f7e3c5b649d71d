namespace Testbed.Raft;
