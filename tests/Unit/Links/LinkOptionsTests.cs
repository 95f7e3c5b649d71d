using Testbed.Links;

namespace Testbed.Tests.Unit.Links;

public sealed class LinkOptionsTests
{
    private const string Link = "n0>n1=127.0.0.1:9001=10.0.0.7:7001";

    [Fact]
    public void A_command_line_describes_all_links()
    {
        var options = LinkOptions.Parse(
            ["--control", "[::1]:9000", "--link", Link, "--link", "client>n1=0.0.0.0:9002=10.0.0.7:7001"]);
        Assert.Equal("[::1]:9000", options.Control.ToString());
        Assert.False(options.ExitWithParent);
        Assert.Equal(["n0>n1", "client>n1"], options.Links.Select(l => l.Name));
        Assert.Equal("10.0.0.7:7001", options.Links[0].Target.ToString());
        Assert.True(LinkOptions.Parse(["--link", Link, "--exit-with-parent", "--control", "1.2.3.4:5"]).ExitWithParent);
    }

    [Theory]
    [InlineData("--control is missing: see --help", "--link", Link)]
    [InlineData("--link: between 1 and 1024 links are needed", "--control", "127.0.0.1:1")]
    [InlineData("--link: n0>n1 is given twice", "--control", "127.0.0.1:1", "--link", Link, "--link", Link)]
    [InlineData("--control is given twice", "--control", "127.0.0.1:1", "--control", "127.0.0.1:2")]
    [InlineData("--control localhost:1: must be IP:PORT", "--control", "localhost:1")]
    [InlineData("--control 127.0.0.1: must be IP:PORT", "--control", "127.0.0.1")]
    [InlineData("--control ::1: must be IP:PORT", "--control", "::1")]
    [InlineData("--link n0>n0=127.0.0.1:1=127.0.0.1:2: must be FROM>TO=LISTEN=TARGET",
        "--link", "n0>n0=127.0.0.1:1=127.0.0.1:2")]
    [InlineData("--link n0>n 1=1.1.1.1:1=1.1.1.1:2: must be FROM>TO=LISTEN=TARGET", "--link", "n0>n 1=1.1.1.1:1=1.1.1.1:2")]
    [InlineData("--link n0: must be FROM>TO=LISTEN=TARGET", "--link", "n0")]
    [InlineData("--link needs a value", "--link")]
    [InlineData("unknown option '--verbose': see --help", "--verbose")]
    public void A_wrong_command_line_is_one_clear_line(string expected, params string[] args) =>
        Assert.Equal(expected, Assert.Throws<UsageException>(() => LinkOptions.Parse(args)).Message);
}
