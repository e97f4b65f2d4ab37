"""Tests of the names that the site is known by."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import Config, Vpn
from semaphore_twisted.config_acme import Acme
from semaphore_twisted.model.peers import Network
from semaphore_twisted.start import hosts

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
        self.patch(hosts, "known_hosts", lambda _: frozenset({"srv", "10.0.0.5"}))
        self.patch(
            hosts, "_read", lambda _: "domain old.example\nsearch LAN.example. b\n"
        )

    def test_own(self) -> None:
        """The machine's name is known with the domains that neighbours try."""
        found = hosts.hosts(Config(), None)
        for each in ("srv", "10.0.0.5", "srv.lan.example", "srv.b", "srv.local"):
            self.assertIn(each, found)
        self.assertNotIn("srv.old.example", found)
        self.assertNotIn("*", found)

    def test_configured(self) -> None:
        """So are the names in options, and those of the VPN."""
        config = Config(
            web_host="https://h.example:3000/base",
            allowed_hosts=("more.example", "*"),
            acme=Acme(names=("acme.example",)),
            vpn=Vpn(domain="vpn.internal"),
        )
        found = hosts.hosts(config, NETWORK)
        for each in (
            *("h.example", "more.example", "*", "acme.example"),
            *("vpn.internal", "vpn.example", "inside.internal"),
        ):
            self.assertIn(each, found)
