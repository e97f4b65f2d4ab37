"""Certificates that are renewed while the server runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from semaphore_twisted.crypto import certificates
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start import file_watch, services
from semaphore_twisted.start.certificates import reload, status
from semaphore_twisted.start.certificates.authority import AuthorityLost, Certificates
from semaphore_twisted.start.certificates.reload import (
    RETRY,
    TICK,
    TIMEOUT,
    CertificateReload,
)
from tests.start.test_services import CertificateTestCase


class RenewalTestCase(CertificateTestCase):
    """A renewal service, its clock, and the served certificates."""

    def setUp(self) -> None:
        """Set both clocks to now; only the periodic check notices changes."""
        super().setUp()
        self.patch(file_watch.FileWatch, "arm", lambda _: None)
        self.clock = Clock()
        self.began = utc_now()
        self.jump = timedelta(0)
        self.source = services.own_pair(self.config)
        self.service = self.started(reload.of_files(self.config), reload.FILES)

    def started(self, newest: reload.Newest, every: timedelta) -> CertificateReload:
        """Start the service."""
        service = CertificateReload(
            self.source,
            newest,
            every=every,
            host="box",
            folder=self.folder,
            presented=lambda: self.source.leaf,
            files=[str(self.chain), str(self.key)],
            reactor=self.clock,
            now=lambda: (
                self.began + timedelta(seconds=self.clock.seconds()) + self.jump
            ),
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    @property
    def newest(self) -> bool:
        """Whether what is presented is what the files hold."""
        pem = self.chain.read_bytes()
        return pem.startswith(certificates_pem(self.source.leaf))

    def tick(self, times: int = 1) -> None:
        """Run the regular checks."""
        self.clock.pump([TICK] * times)

    def errors(self, act: Callable[[], object]) -> list[str]:
        """Return the reasons of the errors that *act* logs."""
        with capturedLogs() as events:
            act()
        return [
            event["reason"] for event in events if event["log_level"] is LogLevel.error
        ]

    def last(self) -> status.CertificateStatus:
        """Return the result for the command line."""
        found = status.last(self.folder)
        assert found is not None
        return found


def certificates_pem(leaf: Any) -> bytes:
    """Return *leaf* in PEM."""
    return certificates.Issued(leaf, None).certificate_pem  # type: ignore[arg-type]


class FilesTests(RenewalTestCase):
    """The operator's files."""

    def test_taken_in(self) -> None:
        """Files that changed are taken in, and that is written down."""
        before = self.source.context()
        self.tick(3)
        self.assertIs(self.source.context(), before)
        self.issue()
        self.tick()
        self.assertTrue(self.newest)
        taken = self.source.context()
        self.tick(3)
        self.assertIs(self.source.context(), taken)
        leaf = certificates.fingerprint(self.source.leaf)
        self.assertEqual((self.last().sha256, self.last().why), (leaf, ""))

    def test_chain_alone(self) -> None:
        """An added issuer with the same leaf is loaded."""
        before = self.source.context()
        leaf = self.chain.read_bytes()
        self.chain.write_bytes(leaf + self.root.certificate_pem)
        self.service.check()
        self.assertIsNot(self.source.context(), before)

    def test_asked(self) -> None:
        """A requested check is answered at once, with or without a change."""
        self.clock.advance(1)
        self.service.check()
        self.assertEqual((self.last().checked - self.began).total_seconds(), 1)
        self.issue()
        self.service.check()
        self.assertTrue(self.newest)

    def test_half_written(self) -> None:
        """The service waits for a missing key, without a log line."""
        self.key.write_bytes(b"")

        def wait() -> None:
            self.tick()
            self.clock.advance(RETRY)

        self.assertEqual(self.errors(wait), [])
        self.issue()
        self.clock.advance(RETRY)
        self.assertTrue(self.newest)
        self.assertEqual(self.service.why, "")

    def test_broken(self) -> None:
        """A lasting fault is logged once; the old certificate is served."""
        before = self.source.context()
        self.key.write_bytes(b"broken")

        def wait() -> None:
            self.tick()
            self.clock.pump([RETRY] * round(TIMEOUT / RETRY + 1))
            self.tick(5)

        (reason,) = self.errors(wait)
        self.assertIn(f"tls.key_file {self.key}: the key file holds no usable", reason)
        self.assertEqual((self.service.why, self.last().why), (reason, reason))
        since = self.last().failing_since
        assert since is not None
        self.assertLess((since - self.began).total_seconds(), 2 * TICK)
        self.assertIs(self.source.context(), before)
        # and another fault of it is another line, since the same time
        self.key.unlink()
        (reason,) = self.errors(lambda: self.tick(2))
        self.assertIn("tls.key_file", reason)
        self.assertEqual(self.last().failing_since, since)
        self.issue()
        self.tick()
        self.assertTrue(self.newest)
        self.assertEqual((self.last().why, self.last().failing_since), ("", None))

    def test_asked_for_broken(self) -> None:
        """A requested check does not wait until a broken pair is complete."""
        self.key.write_bytes(b"broken")
        (reason,) = self.errors(self.service.check)
        self.assertEqual(self.last().why, reason)

    def test_foreign(self) -> None:
        """A pair for another name does not follow one for the site's own."""
        before = self.source.context()
        leaf = certificates.new_leaf(
            self.root,
            names=["other"],
            addresses=[],
            now=utc_now(),
            entropy=self.entropy,
        )
        self.chain.write_bytes(leaf.certificate_pem)
        self.key.write_bytes(leaf.key_pem)
        (reason,) = self.errors(self.service.check)
        self.assertIn("is for other; expected box (web_host)", reason)
        self.assertIs(self.source.context(), before)

    def test_stopped(self) -> None:
        """Nothing is checked afterwards."""
        self.key.write_bytes(b"")
        self.tick()
        self.service.stopService()
        self.service.check()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.service.startService()


class AuthorityTests(RenewalTestCase):
    """The local CA."""

    def setUp(self) -> None:
        """Count the calls of the CA, and set its answer."""
        super().setUp()
        self.service.stopService()
        self.asked = 0
        self.answer: Callable[[], Deferred[Certificates]] = self.made
        self.service = self.started(reload.of_authority(self.renew), reload.AUTHORITY)

    def renew(self) -> "Deferred[Certificates]":
        """Have it answered."""
        self.asked += 1
        return self.answer()

    def made(self) -> "Deferred[Certificates]":
        """Return what is in the files."""
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

    def test_hourly(self) -> None:
        """The CA is called once an hour; a pair renewed elsewhere is loaded."""
        self.tick(59)
        self.assertEqual(self.asked, 0)
        self.issue()
        self.tick(2)
        self.assertEqual(self.asked, 1)
        self.assertTrue(self.newest)

    def test_clock_is_set(self) -> None:
        """A clock that is set, either way, is a reason to ask within a minute."""
        for jump in (timedelta(days=40), timedelta(days=-90)):
            self.asked = 0
            self.jump += jump
            self.tick(2)
            self.assertEqual(self.asked, 1, jump)

    def test_lost(self) -> None:
        """The error of a CA that cannot renew is reported."""
        self.answer = lambda: fail(AuthorityLost("the key is another one's"))
        (reason,) = self.errors(self.service.check)
        self.assertEqual(reason, "the key is another one's")
        self.assertEqual(self.errors(lambda: self.tick(3)), [])

    def test_failing(self) -> None:
        """A failure is logged, reported, and retried each minute."""
        self.answer = lambda: fail(RuntimeError("no"))
        self.service.check()
        self.assertIn("RuntimeError", self.service.why)
        self.tick(2)
        self.assertEqual(self.asked, 3)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 3)
        self.answer = self.made
        self.tick()
        self.assertEqual((self.service.why, self.last().why), ("", ""))

    def test_one_at_a_time(self) -> None:
        """A request during a call is answered by another call after it."""
        waiting: Deferred[Certificates] = Deferred()
        self.answer = lambda: waiting
        self.service.check()
        self.service.check()
        self.service.check()
        self.assertEqual(self.asked, 1)
        self.answer = self.made
        made: list[Certificates] = []
        _ = self.made().addCallback(made.append)
        waiting.callback(made[0])
        self.assertEqual(self.asked, 2)
