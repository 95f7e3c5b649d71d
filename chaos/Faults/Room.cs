namespace Testbed.Faults;
