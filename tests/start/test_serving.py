"""Parts of the server's process: certificates that are renewed while it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from cryptography import x509
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import Config, Tls
from semaphore_twisted.crypto import certificates
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start import serving
from semaphore_twisted.start.authority import Certificates
from semaphore_twisted.start.installation import Refused
from tests.support.memory import Entropy


@define
class Reloads:
    """Remembers what it was given."""

    chains: list[bytes] = field(factory=list)
    leaf: x509.Certificate | None = None

    def reload(self, *, chain: bytes, key: bytes) -> None:
        """Take another pair."""
        assert b"PRIVATE KEY" in key
        self.chains.append(chain)
        self.leaf = x509.load_pem_x509_certificate(chain)


class CertificateTestCase(SynchronousTestCase):
    """Two files."""

    def setUp(self) -> None:
        """Make a folder, and an authority of now."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.chain, self.key = self.folder / "chain.pem", self.folder / "key.pem"
        self.config = Config(tls=Tls(cert_file=str(self.chain), key_file=str(self.key)))
        self.entropy = Entropy()
        self.root = certificates.new_root(
            host="box",
            names=["box"],
            addresses=[],
            now=utc_now(),
            entropy=self.entropy,
        )
        self.issue()

    def issue(self) -> None:
        """Write a fresh pair."""
        leaf = certificates.new_leaf(
            self.root,
            names=["box"],
            addresses=[],
            now=utc_now(),
            entropy=self.entropy,
        )
        self.chain.write_bytes(leaf.certificate_pem)
        self.key.write_bytes(leaf.key_pem)


class PairTests(CertificateTestCase):
    """The operator's pair."""

    def test_good(self) -> None:
        """A pair that fits is read."""
        source = serving.own_pair(self.config)
        self.assertEqual(source.fingerprint, "")

    def test_refused(self) -> None:
        """One that does not is refused by its option."""
        self.key.write_bytes(self.root.key_pem)
        error = self.assertRaises(Refused, serving.own_pair, self.config)
        self.assertIn("tls.cert_file: the key is not the key", error.sentence)
        self.key.unlink()
        error = self.assertRaises(Refused, serving.own_pair, self.config)
        self.assertIn("tls.key_file", error.sentence)
        self.assertEqual(error.exit_code, 78)


class RenewalTests(CertificateTestCase):
    """Looking from time to time."""

    def start(
        self, renew: "Callable[[], Deferred[Certificates]] | None" = None
    ) -> tuple[Reloads, Clock, serving.Renewal]:
        """Start looking."""
        clock, reloads = Clock(), Reloads()
        source: Any = reloads
        service = serving.Renewal(
            source=source, config=self.config, renew=renew, clock=clock
        )
        service.startService()
        return reloads, clock, service

    def test_files(self) -> None:
        """Files that changed are taken in, once."""
        reloads, clock, service = self.start()
        clock.advance(serving.LOOK_SECONDS)
        self.assertEqual(reloads.chains, [])
        self.issue()
        clock.pump([serving.LOOK_SECONDS] * 2)
        self.assertEqual(reloads.chains, [self.chain.read_bytes()])
        service.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_broken_files(self) -> None:
        """Files that cannot serve are reported, and the old pair stays."""
        reloads, clock, _ = self.start()
        self.key.write_bytes(b"broken")
        clock.advance(serving.LOOK_SECONDS)
        self.assertEqual(reloads.chains, [])
        self.issue()
        clock.advance(serving.LOOK_SECONDS)
        self.assertEqual(len(reloads.chains), 1)

    def test_authority(self) -> None:
        """The local authority is asked; a pair is taken in once, whoever renewed it."""
        renewed = [False, True, False]

        def renew() -> Deferred[Certificates]:
            if renewed.pop(0):
                self.issue()
            return succeed(
                Certificates(
                    chain=self.chain,
                    key=self.key,
                    root=self.chain,
                    fingerprint="",
                    not_covered=(),
                    renewed=False,  # by the command line, that is
                )
            )

        reloads, clock, _ = self.start(renew)
        reloads.leaf = x509.load_pem_x509_certificate(self.chain.read_bytes())
        clock.pump([serving.LOOK_SECONDS] * 3)
        self.assertEqual(len(reloads.chains), 1)

    def test_look(self) -> None:
        """Who asks for it is not kept waiting for an hour."""
        reloads, clock, service = self.start()
        self.issue()
        service.look()
        self.assertEqual(len(reloads.chains), 1)
        service.stopService()
        service.look()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_failing_authority(self) -> None:
        """A failure is logged, and the next look comes."""
        asked = []

        def renew() -> Deferred[Certificates]:
            asked.append(1)
            return fail(RuntimeError("no"))

        _, clock, _ = self.start(renew)
        clock.pump([serving.LOOK_SECONDS] * 2)
        self.assertEqual(len(asked), 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
