namespace Testbed.Ecc;
