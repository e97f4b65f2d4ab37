"""The ACME service without faults, and on request."""

from datetime import timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.acme.certificate_files import FILES, NEXT_KEY
from semaphore_twisted.acme.client import Binding
from semaphore_twisted.acme.state_store import DatabaseStateStore
from semaphore_twisted.operations.vault import acme as operations
from semaphore_twisted.persistence import schema
from tests.support.acme_authority import DIRECTORY
from tests.support.acme_server import NAMES, AcmeServer

MINUTE = timedelta(minutes=1)


class ServiceTests(SynchronousTestCase):
    """An authority that does as it should."""

    def setUp(self) -> None:
        """Make the server."""
        self.server = AcmeServer()
        self.addCleanup(self.server.clean)
        self.authority = self.server.authority

    def first(self) -> None:
        """Start, and have the first certificate."""
        self.server.start()
        self.server.run(MINUTE)
        self.assertTrue(self.server.public)

    def test_first(self) -> None:
        """The local certificate is served until the other is there, and then that."""
        self.server.start()
        self.assertFalse(self.server.public)
        self.server.run(MINUTE)
        self.assertTrue(self.server.public)
        self.assertEqual(len(self.authority.ordered), 1)
        challenges = self.authority.challenges
        assert challenges is not None
        self.assertIsNone(challenges.answer("token-0-0-abcdefghijk"))

    def test_alpn(self) -> None:
        """The other challenge leads there as well, and leaves nothing open."""
        self.server = AcmeServer(kind="tls-alpn-01")
        self.addCleanup(self.server.clean)
        self.first()
        challenges = self.server.authority.challenges
        assert challenges is not None
        for name in NAMES:
            self.assertIsNone(challenges.certificate(name))

    def test_restart(self) -> None:
        """A restart serves what there is, and asks for nothing."""
        self.first()
        leaf = self.server.leaf()
        asked = len(self.authority.asked)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.leaf(), leaf)
        self.server.run(MINUTE)
        self.assertEqual(len(self.authority.asked), asked)

    def test_renewal(self) -> None:
        """At two thirds of its life it is replaced, with a new key."""
        self.first()
        first = self.server.leaf()
        self.server.run(timedelta(days=57))
        self.assertEqual(self.server.leaf(), first)
        self.server.run(timedelta(days=4))
        second = self.server.leaf()
        self.assertNotEqual(first, second)
        self.assertNotEqual(first.public_key(), second.public_key())
        self.assertEqual(len(self.authority.registrations), 1)

    def test_advice(self) -> None:
        """The CA's advice counts, and it is told what is replaced."""
        start = self.server.now() + timedelta(days=10)
        self.authority.window = (start, start + timedelta(days=1))
        self.first()
        self.server.run(timedelta(days=9))
        self.assertEqual(len(self.authority.ordered), 1)
        self.server.run(timedelta(days=2, hours=1))
        self.assertEqual(len(self.authority.ordered), 2)
        first, second = self.authority.replaced
        self.assertEqual(first, "")
        self.assertIn(".", second)

    def test_generations(self) -> None:
        """Three certificates are kept, 0600, and the newest good one is used."""
        self.authority.lifetime = timedelta(days=6)
        self.first()
        self.server.run(timedelta(days=20))
        found = {each.name for each in self.server.folder.iterdir()}
        self.assertEqual(found, {*FILES})
        newest = self.server.leaf()
        self.server.kill()
        (self.server.folder / FILES[0]).write_bytes(b"torn")
        self.server.start()
        self.assertNotEqual(self.server.leaf(), newest)

    def test_asked(self) -> None:
        """A request orders a new certificate at once, and only one."""
        self.first()
        with self.server.database.conn.transaction(write=True) as conn:
            operations.ask(conn, DIRECTORY)
        assert self.server.service is not None
        self.server.service.wake()
        self.server.run(MINUTE)
        self.assertEqual(len(self.authority.ordered), 2)
        self.server.service.wake()
        self.server.run(MINUTE)
        self.assertEqual(len(self.authority.ordered), 2)

    def test_names(self) -> None:
        """Other names are ordered at once; the old certificate serves meanwhile."""
        self.first()
        self.server.kill()
        self.server.settings = type(self.server.settings)(
            directory=DIRECTORY, names=("new.example.org",), challenge="http-01"
        )
        self.server.start()
        self.assertTrue(self.server.public)
        self.server.run(MINUTE)
        self.assertEqual(self.authority.orders[-1].names, ("new.example.org",))

    def test_binding(self) -> None:
        """The binding is sent where there is one, and asked for where it is missing."""
        self.authority.meta = {"externalAccountRequired": True}
        self.server.start()
        self.server.run(MINUTE)
        self.assertIn("acme.eab_kid", self.server.record.reason)
        self.assertEqual(self.authority.registrations, [])
        self.server.kill()
        self.server.settings = type(self.server.settings)(
            directory=DIRECTORY,
            names=self.server.settings.names,
            challenge="http-01",
            email="ops@example.org",
            binding=Binding("kid-1", b"secret"),
        )
        self.server.start()
        self.server.run(timedelta(minutes=5))
        (sent,) = self.authority.registrations
        self.assertEqual(sent["contact"], ["mailto:ops@example.org"])
        self.assertIn("signature", sent["externalAccountBinding"])
        self.assertNotIn("secret", repr(self.server.settings))

    def test_other_challenge(self) -> None:
        """An authority that does not offer the challenge is named with the option."""
        self.authority.kinds = ("dns-01",)
        self.server.start()
        self.server.run(MINUTE)
        self.assertIn("acme.challenge: http-01 is set", self.server.record.reason)
        self.assertIn("dns-01", self.server.record.reason)

    def test_sealed(self) -> None:
        """The account's key is in the store in sealed form only; nothing is left."""
        self.first()
        rows = self.server.database.conn.raw.execute(
            f"SELECT name, secret FROM {schema.sealed_value.name}"
        ).fetchall()
        (row,) = rows
        self.assertEqual(row[0], f"acme account {DIRECTORY}")
        self.assertTrue(row[1].startswith("s1."))
        self.assertFalse(Path(self.server.folder / NEXT_KEY).exists())

    def test_stop(self) -> None:
        """A stop ends a try that is under way, which goes on after the next start."""
        self.authority.fault = lambda step: "timeout" if step == "finalize" else ""
        service = self.server.start()
        self.server.clock.advance(0)
        self.server.clock.advance(1)
        self.successResultOf(service.stopService())
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.authority.fault = lambda step: ""
        self.server.start()
        self.server.run(timedelta(minutes=3))
        self.assertTrue(self.server.public)
        self.assertEqual(len(self.authority.ordered), 1)

    def test_store_fails(self) -> None:
        """A failure of the store is reported until it ends."""
        service = self.server.start()
        self.server.run(MINUTE)
        self.assertEqual(service.broken, "")

        async def fail(store: DatabaseStateStore) -> bool:
            raise OSError("disk")

        broken = self.patch(DatabaseStateStore, "asked", fail)
        self.server.run(timedelta(hours=2))
        self.assertIn("OSError", service.broken)
        self.assertTrue(self.flushLoggedErrors(OSError))
        broken.restore()
        self.server.run(timedelta(hours=2))
        self.assertEqual(service.broken, "")

    def test_full_disk(self) -> None:
        """A certificate that cannot be kept is not lost: the order is taken up."""
        self.server.folder.chmod(0o500)
        broken = self.server.folder.rename(self.server.folder.with_suffix(".away"))
        self.server.start()
        self.server.run(MINUTE)
        self.assertFalse(self.server.public)
        self.flushLoggedErrors(OSError)
        broken.chmod(0o700)
        broken.rename(self.server.folder)
        self.server.run(timedelta(minutes=5))
        self.assertTrue(self.server.public)
        self.assertEqual(len(self.authority.ordered), 1)
