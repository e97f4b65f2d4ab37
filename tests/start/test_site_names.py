"""Tests of the names that the site is known by."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.acme_options import AcmeOptions
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.vpn_options import VpnOptions
from semaphore_twisted.model.peers import Network
from semaphore_twisted.start import site_names

NETWORK = Network(
    interface="wg0",
    endpoint="vpn.example:51820",
    pool4="10.1.0.0/24",
    pool6="",
    server4="10.1.0.1",
    server6="",
    public_key="",
    mtu=1420,
    dns=True,
    domain="inside.internal",
    url="https://inside.internal",
    revision=1,
)


class HostsTests(SynchronousTestCase):
    """All configured names of the site are among its names."""

    def setUp(self) -> None:
        """Give this machine a name and a domain."""
        self.resolv_conf = Path(self.mktemp())
        self.resolv_conf.write_text("domain old.example\nsearch LAN.example. b\n")

    def hosts(self, config: Config, network: Network | None) -> tuple[str, ...]:
        """Return the names of the site on this machine."""
        return site_names.hosts(
            config, network, own=("srv", "10.0.0.5"), resolv_conf=self.resolv_conf
        )

    def test_own(self) -> None:
        """The machine's name is known with the domains that neighbours try."""
        found = self.hosts(Config(), None)
        for each in ("srv", "10.0.0.5", "srv.lan.example", "srv.b", "srv.local"):
            self.assertIn(each, found)
        self.assertNotIn("srv.old.example", found)
        self.assertNotIn("*", found)

    def test_configured(self) -> None:
        """So are the names in options, and those of the VPN."""
        config = Config(
            web_host="https://h.example:3000/base",
            allowed_hosts=("more.example", "*"),
            acme=AcmeOptions(names=("acme.example",)),
            vpn=VpnOptions(domain="vpn.internal"),
        )
        found = self.hosts(config, NETWORK)
        for each in (
            *("h.example", "more.example", "*", "acme.example"),
            *("vpn.internal", "vpn.example", "inside.internal"),
        ):
            self.assertIn(each, found)
