"""Findings of ``vpn doctor`` on the server's side."""

import os
import socket
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn import checks
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.vpn_options import VpnOptions
from semaphore_twisted.model.peers import Network, SiteNetwork
from semaphore_twisted.wireguard import keys, wire, wire_answers
from semaphore_twisted.wireguard.wire import Finding
from tests.support.scripted_companion import welcome

KEY = b"k" * 32
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def network(**changed: Any) -> Network:
    """Return a network."""
    usual: dict[str, Any] = {
        "interface": "semaphore0",
        "endpoint": "vpn.example.net:51820",
        "pool4": "10.80.0.0/16",
        "pool6": "",
        "server4": "10.80.0.1",
        "server6": "",
        "public_key": keys.format(KEY),
        "mtu": 1420,
        "dns": True,
        "domain": "semaphore.internal",
        "url": "https://semaphore.internal",
        "revision": 3,
    }
    return Network(**{**usual, **changed})


def levels(findings: Iterator[Finding]) -> dict[str, str]:
    """Return the level of each subject."""
    return {each.subject: each.level for each in findings}


class ModeTests(SynchronousTestCase):
    """Rights of files."""

    def setUp(self) -> None:
        """Make a state and a companion's folder, as they should be."""
        umask = os.umask(0o077)
        self.addCleanup(os.umask, umask)
        self.state, self.folder = (Path(self.mktemp()).absolute() for _ in "ab")
        for folder in (self.state, self.state / "tls", self.folder):
            folder.mkdir()
        self.folder.chmod(0o750)
        for name in ("config.json", "semaphore.db", "semaphore.db-wal", "tls/key.pem"):
            (self.state / name).touch()
        for name in ("companion.json", "private.key"):
            (self.folder / name).touch()

    def found(self) -> list[Finding]:
        """Return the findings."""
        return [*checks.modes(self.state, self.folder)]

    def test_right(self) -> None:
        """Nothing is wrong with 0600 in 0700."""
        self.assertEqual([each.level for each in self.found()], ["ok"])

    def test_wide(self) -> None:
        """A wider mode is an error with its remedy."""
        for path, mode in (
            (self.state, 0o755),
            (self.state / "config.json", 0o640),
            (self.state / "semaphore.db-wal", 0o644),
            (self.state / "tls" / "key.pem", 0o604),
            (self.folder, 0o755),
            (self.folder / "companion.json", 0o660),
            (self.folder / "private.key", 0o640),
        ):
            right = path.stat().st_mode & 0o777
            path.chmod(mode)
            (finding,) = self.found()
            self.assertEqual(finding.level, "error")
            self.assertIn(f"{mode:04o}", finding.sentence)
            self.assertIn(f"chmod {right:o} {path}", finding.sentence)
            path.chmod(right)


class AgreementTests(SynchronousTestCase):
    """The database and root's settings."""

    def found(self, *, sites: tuple[SiteNetwork, ...] = (), **changed: Any) -> Any:
        """Return the findings."""
        return levels(checks.agreement(network(), sites, welcome(KEY, **changed)))

    def test_same(self) -> None:
        """All is well."""
        self.assertEqual(self.found(), {"server key": "ok"})

    def test_former_companion(self) -> None:
        """A companion that does not know when peers expire is named."""
        found = self.found(version=wire_answers.WITH_EXPIRY - 1)
        self.assertEqual(found, {"companion": "warning", "server key": "ok"})

    def test_other_key(self) -> None:
        """Another server key is an error, since no client could connect."""
        found = checks.agreement(network(), (), welcome(b"x" * 32))
        self.assertEqual(levels(found)["server key"], "error")

    def test_others(self) -> None:
        """Pools are an error; port, MTU and networks may be on purpose."""
        self.assertEqual(self.found(pools=("10.81.0.0/16",))["pools"], "error")
        self.assertEqual(self.found(port=5000)["endpoint"], "warning")
        self.assertEqual(self.found(mtu=1380)["mtu"], "warning")
        site = SiteNetwork(id=1, name="lan", network="10.20.0.0/16")
        self.assertEqual(self.found(sites=(site,))["site networks"], "warning")
        good = welcome(KEY, sites=("10.20.0.0/16",))
        found = levels(checks.agreement(network(), (site,), good))
        self.assertNotIn("site networks", found)


class PortTests(SynchronousTestCase):
    """The ports that peers reach."""

    def test_ports(self) -> None:
        """The ports of the site, of DNS and published ones must be open."""
        config = Config(vpn=VpnOptions(publish=("tcp/22", "udp/123")))
        found = [*checks.ports(config, 3000, welcome(udp_ports=()))]
        self.assertEqual([each.level for each in found], ["error"] * 4)
        good = welcome(tcp_ports=(22, 53, 3000), udp_ports=(53, 123))
        found = [*checks.ports(config, 3000, good)]
        self.assertEqual([each.level for each in found], ["ok"])
        found = [*checks.ports(Config(vpn=VpnOptions(dns="off")), None, welcome())]
        self.assertEqual([each.level for each in found], ["warning"])


class ClockTests(SynchronousTestCase):
    """The check of the clock."""

    def found(self, handshake: float, time: float = 0) -> str:
        """Return the level for a handshake so many seconds from now."""
        now = NOW.timestamp()
        status = wire.Status(b"p" * 32, None, int(now + handshake), 0, 0)
        observed = wire.Observed(now + time, 1, (status,))
        (finding,) = checks.clock(observed, NOW)
        return finding.level

    def test_clock(self) -> None:
        """A handshake in the future indicates that the clock was set back."""
        self.assertEqual(self.found(-100), "ok")
        self.assertEqual(self.found(2), "ok")
        self.assertEqual(self.found(3600), "error")
        self.assertEqual(self.found(-100, time=60), "error")
        empty = wire.Observed(NOW.timestamp(), 1, ())
        self.assertEqual(levels(checks.clock(empty, NOW)), {"clock": "ok"})
        later = NOW + timedelta(hours=1)
        self.assertEqual(levels(checks.clock(empty, later)), {"clock": "error"})


class EndpointTests(SynchronousTestCase):
    """Where clients send to."""

    def found(self, *addresses: str, endpoint: str = "vpn.example.net:51820") -> str:
        """Return the level if the name leads to *addresses*."""

        def resolve(host: str, port: None) -> list[Any]:
            del port
            self.assertNotIn("[", host)
            if not addresses:
                raise socket.gaierror(-2, "Name or service not known")
            return [(0, 0, 0, "", (each, 0)) for each in addresses]

        where = network(endpoint=endpoint)
        (finding,) = checks.endpoint(where, resolve=resolve)
        return finding.level

    def test_endpoint(self) -> None:
        """A name that leads nowhere, to the host itself or into the tunnel is wrong."""
        self.assertEqual(self.found("192.0.2.1"), "ok")
        self.assertEqual(self.found("2001:db8::1", endpoint="[2001:db8::1]:1"), "ok")
        self.assertEqual(self.found(), "error")
        self.assertEqual(self.found("192.0.2.1", "127.0.1.1"), "error")
        self.assertEqual(self.found("::1"), "error")
        self.assertEqual(self.found("10.80.0.1"), "error")

    def test_in_a_site(self) -> None:
        """A site network with the endpoint in it is named."""
        sites = [
            SiteNetwork(id=1, name="lan", network="192.0.2.0/24"),
            SiteNetwork(id=2, name="other", network="10.20.0.0/16"),
            SiteNetwork(id=3, name="six", network="2001:db8::/32"),
        ]
        found = [
            *checks.endpoint(
                network(),
                sites,
                resolve=lambda *_: [(0, 0, 0, "", ("192.0.2.7", 0))],
            )
        ]
        self.assertEqual([each.level for each in found], ["ok", "warning"])
        self.assertIn("lan (192.0.2.0/24) holds 192.0.2.7", found[1].sentence)

    def test_resolvers(self) -> None:
        """A resolver of the machine in a pool is an error, unless it is ours."""
        path = Path(self.mktemp())
        self.assertEqual([*checks.resolvers(network(), path)], [])
        path.write_text(
            "# nameserver 10.80.0.7\nnameserver\nnameserver 127.0.0.53\n"
            "nameserver 10.80.0.1\nnameserver fd80::1%eth0\nnameserver x\n"
        )
        self.assertEqual([*checks.resolvers(network(), path)], [])
        path.write_text("search example.net\nnameserver 10.80.3.5\n")
        (finding,) = checks.resolvers(network(), path)
        self.assertEqual(finding.level, "error")
        self.assertIn("10.80.3.5", finding.sentence)


class AnswerTests(SynchronousTestCase):
    """The answers of a resolver, byte by byte."""

    QUESTION = b"\1a\2bc\0" + struct.pack(">HH", 1, 1)

    def answer(self, record: bytes = b"", *, number: int = 7, count: int = 1) -> bytes:
        """Return an answer."""
        head = struct.pack(">HHHHHH", number, 0x8180, 1, count, 0, 0)
        return head + self.QUESTION + record

    def test_answers(self) -> None:
        """The first address, and nothing for an invalid answer."""
        good = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([10, 80, 0, 1])
        read = checks.address_in
        self.assertEqual(read(self.answer(good), 7), "10.80.0.1")
        alias = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, 4) + b"\1b\xc0\x0e"
        self.assertEqual(read(self.answer(alias + good, count=2), 7), "10.80.0.1")
        for wrong in (
            b"",
            self.answer(good, number=8),
            self.answer(good, count=0),
            self.answer(good[:-1]),
            self.answer(good)[:2] + b"\1\x80" + self.answer(good)[4:],  # a question
            self.answer(b"\xc0\x16" + good[2:]),  # a name that refers to itself
            self.answer(b"\xc0\x0c" + struct.pack(">HHIH", 28, 1, 60, 16) + bytes(16)),
        ):
            self.assertEqual(read(wrong, 7), "")

    def test_names_off(self) -> None:
        """With vpn.dns off no resolver is queried."""
        self.assertEqual(levels(checks.names(network(dns=False))), {"names": "ok"})
