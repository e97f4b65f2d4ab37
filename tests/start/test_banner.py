"""The address that a start prints."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config, TlsOptions
from semaphore_twisted.start.banner import site_url


class SiteUrlTests(SynchronousTestCase):
    """From options to an address."""

    def test_forms(self) -> None:
        """The address is the public one, else one that can be opened from here."""
        plain = TlsOptions(enabled=False)
        for config, port, url in (
            (Config(), 3000, "https://localhost:3000"),
            (Config(interface="0.0.0.0"), 443, "https://localhost"),
            (Config(interface="127.0.0.1", tls=plain), 80, "http://localhost"),
            (Config(interface="192.0.2.7"), 3000, "https://192.0.2.7:3000"),
            (Config(interface="2001:db8::7"), 3000, "https://[2001:db8::7]:3000"),
            (Config(interface="unix:/run/s"), 0, "unix socket /run/s"),
            (
                Config(web_host="https://ci.example.org/base/"),
                3000,
                "https://ci.example.org/base",
            ),
        ):
            self.assertEqual(site_url(config, port), url)
