"""How a machine asks the VPN for names."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn import resolver
from semaphore_twisted.cli.vpn.resolver import TunnelResolver, adapted, servers
from semaphore_twisted.common.command_error import CommandError

PROFILE = """\
[Interface]
PrivateKey = PRIVATE-KEY-OF-THIS-DEVICE
Address = 10.80.0.2/32
DNS = 10.80.0.1, fd80::1

[Peer]
PublicKey = x
"""

HOOKS = """\
PostUp = resolvectl dns %i 10.80.0.1 fd80::1
PostUp = resolvectl domain %i ~semaphore.internal
"""


class ResolvingTests(SynchronousTestCase):
    """The installed programs decide which lines are written."""

    def found(
        self, *programs: str, runs: bool = True, on: str = "linux"
    ) -> TunnelResolver:
        """Look, on a machine with *programs*."""
        folder = Path(self.mktemp())
        if runs:
            folder.mkdir(parents=True)
        return resolver.detect(
            platform=on,
            which=lambda name: name if name in programs else None,
            runtime=folder,
        )

    def test_found(self) -> None:
        """systemd-resolved is preferred, if it runs; then resolvconf."""
        self.assertIs(self.found("resolvectl", "resolvconf"), TunnelResolver.RESOLVED)
        self.assertIs(self.found("resolvectl"), TunnelResolver.RESOLVED)
        self.assertIs(self.found("resolvconf"), TunnelResolver.RESOLVCONF)
        self.assertIs(
            self.found("resolvectl", "resolvconf", runs=False),
            TunnelResolver.RESOLVCONF,
        )
        self.assertIs(self.found("resolvectl", runs=False), TunnelResolver.NOTHING)
        self.assertIs(self.found(), TunnelResolver.NOTHING)
        self.assertIs(self.found(on="darwin"), TunnelResolver.SYSTEM)

    def test_kept(self) -> None:
        """With resolvconf, and on macOS, the line stays."""
        for how in (TunnelResolver.RESOLVCONF, TunnelResolver.SYSTEM):
            self.assertEqual(adapted(PROFILE, "semaphore.internal", how), PROFILE)

    def test_nothing(self) -> None:
        """Without any, the line goes, since wg-quick would fail on it."""
        expected = PROFILE.replace("DNS = 10.80.0.1, fd80::1\n", "")
        self.assertEqual(
            adapted(PROFILE, "semaphore.internal", TunnelResolver.NOTHING), expected
        )

    def test_route_only(self) -> None:
        """systemd-resolved asks the VPN for its own names only."""
        expected = PROFILE.replace("DNS = 10.80.0.1, fd80::1\n", HOOKS)
        self.assertEqual(
            adapted(PROFILE, "semaphore.internal", TunnelResolver.RESOLVED), expected
        )

    def test_hostile_domain(self) -> None:
        """An invalid domain from the server is never written into a hook."""
        for domain in (
            "",
            ".",
            "a b",
            "a;reboot",
            "$(reboot)",
            "a\nPostUp = reboot",
            "-x",
            "a..b",
            "a" * 64,
            "ä.example",
            "%i",
            "~.",
        ):
            with self.assertRaises(CommandError):
                adapted(PROFILE, domain, TunnelResolver.RESOLVED)

    def test_hostile_servers(self) -> None:
        """Only addresses are written into a hook."""
        text = PROFILE.replace("fd80::1", "$(reboot), fe80::1%;reboot, x")
        found = adapted(text, "semaphore.internal", TunnelResolver.RESOLVED)
        self.assertIn("dns %i 10.80.0.1\n", found)
        self.assertNotIn("reboot", found)
        text = PROFILE.replace("10.80.0.1, fd80::1", "example")
        self.assertNotIn("PostUp", adapted(text, "a.b", TunnelResolver.RESOLVED))

    def test_servers(self) -> None:
        """The addresses of a profile's resolvers."""
        self.assertEqual(servers(PROFILE), ["10.80.0.1", "fd80::1"])
        self.assertEqual(servers("[Interface]\n"), [])
