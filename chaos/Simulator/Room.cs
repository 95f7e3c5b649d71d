namespace Testbed.Simulator;
