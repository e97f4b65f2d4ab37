"""The certificate part of a server, with a fake authority and fake time."""

import random
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet.task import Clock

from semaphore_twisted.acme.certificate_files import CertificateFiles, StoredCertificate
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.exchange import AgentTransport
from semaphore_twisted.acme.service import AcmeService, AcmeSettings
from semaphore_twisted.acme.state_store import DatabaseStateStore
from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import due
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.operations.vault import acme as operations
from semaphore_twisted.web.listener.public_certificate import PublicCertificates
from semaphore_twisted.web.listener.tls import PemCertificates
from tests.support.acme_authority import DIRECTORY, FakeAuthority
from tests.support.memory import BEGINNING, MemoryDatabase, memory_connection
from tests.support.tasks import make_keyring

NAMES = ("ci.example.org", "www.example.org")


class AcmeServer:
    """A store, a directory and a clock; :meth:`start` starts the service."""

    def __init__(
        self, *, names: tuple[str, ...] = NAMES, kind: str = "http-01"
    ) -> None:
        """Create all parts without starting them."""
        self.clock = Clock()
        self._read = 0
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-acme-"))
        self.database = MemoryDatabase(memory_connection(clock=self.now))
        self.settings = AcmeSettings(directory=DIRECTORY, names=names, challenge=kind)
        self.authority = FakeAuthority(self.now)
        self.chance = random.Random(1)
        self.root = certificates.new_root(
            host="box",
            names=["box.example.org"],
            addresses=[],
            now=self.now(),
            entropy=bytes,
        )
        chain, key = self.local_pair()
        self.local = PemCertificates(chain=chain, key=key)
        self.served: PublicCertificates = PublicCertificates(self.local, self.now)
        self.service: AcmeService | None = None
        self.longest = 0.0

    def local_pair(self) -> tuple[bytes, bytes]:
        """Issue the local CA's certificate at the current time."""
        leaf = certificates.new_leaf(
            self.root,
            names=["localhost", "ci.example.org"],
            addresses=[],
            now=self.now(),
            entropy=lambda count: bytes(range(count)),
        )
        return leaf.certificate_pem + self.root.certificate_pem, leaf.key_pem

    def now(self) -> datetime:
        """Return the wall clock's time, later at each call, as real clocks do."""
        self._read += 1
        passed = timedelta(seconds=self.clock.seconds(), microseconds=self._read)
        return BEGINNING + passed

    def clean(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def store(self) -> CertificateFiles:
        """The directory of certificates."""
        return CertificateFiles(self.folder, _write)

    @property
    def record(self) -> AcmeRecord:
        """The record in the store."""
        return operations.record(self.database.conn, DIRECTORY)

    def start(self) -> AcmeService:
        """Start as a process does: the certificate on the disk is served at once."""
        challenges = Challenges(self.now)
        self.authority.challenges = challenges
        self.served = PublicCertificates(self.local, self.now)
        found = self.store.newest(self.now())
        if found is not None:
            self.present(found)
        self.service = AcmeService(
            settings=self.settings,
            exchange=AgentTransport(self.authority, self.clock),
            store=DatabaseStateStore(
                self.database, make_keyring(), DIRECTORY, self.store, self.now
            ),
            challenges=challenges,
            present=self.present,
            clock=self.clock,
            now=self.now,
            chance=self.chance.random,
        )
        self.service.startService()
        return self.service

    def present(self, stored: StoredCertificate) -> None:
        """Serve the certificate."""
        self.served.present(chain=stored.chain, key=stored.key)

    def kill(self) -> None:
        """End as by ``kill -9``: no part is stopped, and timers are lost."""
        self.service = None
        for call in self.clock.getDelayedCalls():
            call.cancel()

    def leaf(self) -> x509.Certificate:
        """Return the served certificate; it must be valid."""
        leaf = self.served.leaf
        now = self.now()
        assert leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc, now
        return leaf

    @property
    def public(self) -> bool:
        """Whether the public authority's certificate is served."""
        return self.leaf() != self.local.leaf

    def run(
        self, until: timedelta, each: Callable[[], Any] = lambda: None
    ) -> "AcmeServer":
        """Advance the time from timer to timer; check the served certificate."""
        end = self.clock.seconds() + until.total_seconds()
        while True:
            times = [call.getTime() for call in self.clock.getDelayedCalls()]
            following = min([*times, end])
            self.clock.advance(max(following - self.clock.seconds(), 0))
            if due(self.local.leaf, self.now(), 2 / 3):
                chain, key = self.local_pair()
                self.local.reload(chain=chain, key=key)
            self.leaf()
            each()
            if self.clock.seconds() >= end and not any(t <= end for t in times):
                return self


def _write(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)
