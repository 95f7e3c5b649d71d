namespace Testbed.Reports;
