namespace Testbed.Simulator;

/// <summary>Something happened that must never happen; ends the simulation.</summary>
internal sealed class SimulationViolation(string message) : Exception(message);
