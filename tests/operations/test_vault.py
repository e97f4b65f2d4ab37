"""Encrypted values: the decision at the start, the check and a new master key."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import Keyring, SealContext, key_id_of
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.errors import Conflict, DomainError
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.operations.vault.vault import (
    NoMasterKey,
    RekeyRefused,
    StartupReport,
    WrongMasterKey,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from tests.support.dumps import dump
from tests.support.memory import Entropy, make_project, memory_connection

FIRST = MasterKey(bytes(range(32)))
SECOND = MasterKey(bytes(range(1, 33)))
THIRD = MasterKey(bytes(range(2, 34)))


def sealing_keys(conn: Connection) -> list[str]:
    """Return the sorted ids of the keys that encrypted the database's values."""
    return sorted({*vault._canaries(conn), *vault._used(conn)})


class VaultCase(SynchronousTestCase):
    """A store with encrypted rows of each kind."""

    def setUp(self) -> None:
        """Create the store, encrypted with the first key."""
        self.conn = memory_connection()
        self.entropy = Entropy()
        self.project = make_project(self.conn)
        (self.project_uuid,) = self.conn.raw.execute(
            "SELECT uuid FROM project WHERE id = ?", (self.project.id,)
        ).fetchone()
        self.ring = self.keyring(FIRST)

    def keyring(self, current: MasterKey, *old: MasterKey) -> Keyring:
        """Return a keyring."""
        return Keyring(current, old, entropy=self.entropy)

    def fill(self) -> None:
        """Store three access keys, a task's secrets and a value of the installation."""
        self.keys = [self.add_key(f"Key {number}") for number in range(3)]
        repository = self.conn.insert(
            schema.repository,
            project_id=self.project.id,
            name="R",
            git_url="/r",
            ssh_key_id=self.keys[0],
        )
        template = self.conn.insert(
            schema.template,
            project_id=self.project.id,
            name="T",
            repository_id=repository,
        )
        uuid = self.conn.uuid()
        self.task = self.conn.insert(
            schema.task,
            uuid=uuid,
            project_id=self.project.id,
            template_id=template,
            status="waiting",
            created=self.conn.now,
            secret=self.ring.seal(
                b"{}", SealContext("task", "task", "secret", uuid, self.project_uuid)
            ),
        )
        uuid = self.conn.uuid()
        self.conn.insert(
            schema.sealed_value,
            name="authority root",
            uuid=uuid,
            secret=self.ring.seal(
                b"key", SealContext("installation", "sealed_value", "secret", uuid, "")
            ),
        )

    def add_key(self, name: str, ring: Keyring | None = None) -> int:
        """Store an access key with a secret of its own."""
        uuid = self.conn.uuid()
        place = SealContext(
            "access_key", "access_key", "secret", uuid, self.project_uuid
        )
        return self.conn.insert(
            schema.access_key,
            uuid=uuid,
            name=name,
            type="string",
            project_id=self.project.id,
            secret=(ring or self.ring).seal(name.encode(), place),
        )

    def start(self, keyring: Keyring | None) -> StartupReport:
        """Do what a start does."""
        with self.conn.transaction(write=True):
            return vault.startup_check(self.conn, keyring)

    def rekey(
        self, keyring: Keyring, *, skip: bool = False, runs: bool = False
    ) -> vault.RekeyReport:
        """Do what the command does."""
        with self.conn.transaction(write=True):
            return vault.rekey(
                self.conn, keyring, skip_unreadable=skip, server_runs=runs
            )

    def broken(self, keyring: Keyring) -> list[str]:
        """Return the titles of the values that *keyring* does not open."""
        return [each.title for each in vault.check(self.conn, keyring) if each.why]

    def dump(self) -> list[str]:
        """Return everything that is stored."""
        return dump(self.conn.raw)

    def damage(self, key: int) -> None:
        """Change the last character of a secret."""
        (secret,) = self.conn.raw.execute(
            "SELECT secret FROM access_key WHERE id = ?", (key,)
        ).fetchone()
        middle = len(secret) // 2
        changed = "A" if secret[middle] != "A" else "B"
        self.conn.update(
            schema.access_key,
            key,
            secret=secret[:middle] + changed + secret[middle + 1 :],
        )

    def secrets(self) -> dict[int, str]:
        """Return the envelopes of the access keys."""
        return dict(
            self.conn.raw.execute(
                "SELECT id, secret FROM access_key WHERE secret IS NOT NULL"
            )
        )


class RegistryTests(SynchronousTestCase):
    """Each encrypted column is registered."""

    def test_registry(self) -> None:
        """The registry equals the schema's annotations."""
        annotated = {
            (column.info["sealed"], table.name, column.name)
            for table in schema.metadata.tables.values()
            for column in table.columns
            if "sealed" in column.info
        }
        registered = {(each.purpose, each.table, each.column) for each in vault.SEALED}
        self.assertEqual(registered, annotated)


class StartTests(VaultCase):
    """The start-up table."""

    def refused(
        self, error: type[DomainError], keyring: Keyring | None, *parts: str
    ) -> None:
        """Check that the start is refused with *parts*, and changes nothing."""
        before = self.dump()
        sentence = self.assertRaises(error, self.start, keyring).message
        for part in ("access_key_encryption", "32 bytes", *parts):
            self.assertIn(part, sentence)
        self.assertEqual(self.dump(), before)

    def test_first_start(self) -> None:
        """Without encrypted rows and a key the start is accepted without a change."""
        before = self.dump()
        self.assertEqual(self.start(None).total, 0)
        self.assertEqual(self.dump(), before)
        self.assertEqual(sealing_keys(self.conn), [])

    def test_key_is_remembered(self) -> None:
        """From the first start on the store knows its key, before any secret."""
        self.start(self.ring)
        self.assertEqual(sealing_keys(self.conn), [FIRST.key_id])
        self.refused(WrongMasterKey, self.keyring(SECOND), FIRST.key_id, SECOND.key_id)
        self.refused(NoMasterKey, None, FIRST.key_id)

    def test_no_key(self) -> None:
        """Encrypted rows without a key: refused with the id, and no key is created."""
        self.fill()
        self.refused(NoMasterKey, None, FIRST.key_id, "0 bytes; expected 32 bytes")

    def test_no_key_and_plain_text(self) -> None:
        """Rows in plain text also prevent the creation of a key."""
        self.conn.update(schema.access_key, 1, secret="plain")
        self.refused(NoMasterKey, None)

    def test_other_key(self) -> None:
        """Another key is refused with both ids, with canaries and without."""
        self.fill()
        self.refused(WrongMasterKey, self.keyring(SECOND), FIRST.key_id, SECOND.key_id)
        self.start(self.ring)
        self.refused(WrongMasterKey, self.keyring(SECOND), FIRST.key_id, SECOND.key_id)

    def test_right_key(self) -> None:
        """The right key: all opens, nothing is warned of, a second start is quiet."""
        self.fill()
        report = self.start(self.ring)
        self.assertEqual(report.total, 5)
        self.assertEqual(report.warnings, [])
        before = self.dump()
        self.start(self.ring)
        self.assertEqual(self.dump(), before)

    def test_old_and_new(self) -> None:
        """With the former key besides the new one a start warns until a rekey."""
        self.fill()
        self.start(self.ring)
        both = self.keyring(SECOND, FIRST)
        report = self.start(both)
        self.assertEqual(report.under_old_keys, {FIRST.key_id: 5})
        (warning,) = report.warnings
        self.assertIn("vault rekey", warning)
        self.add_key("New", both)
        self.refused(WrongMasterKey, self.keyring(SECOND), FIRST.key_id)
        self.rekey(both)
        self.assertEqual(self.start(both).warnings, [])
        self.assertEqual(self.start(self.keyring(SECOND)).warnings, [])

    def test_old_key_that_nothing_needs(self) -> None:
        """A former key may go once no row needs it."""
        self.start(self.ring)
        self.start(self.keyring(SECOND, FIRST))
        self.start(self.keyring(SECOND))
        self.assertEqual(sealing_keys(self.conn), [SECOND.key_id])

    def test_damaged_row(self) -> None:
        """A damaged row does not stop the start; it is counted."""
        self.fill()
        self.start(self.ring)
        self.damage(self.keys[1])
        report = self.start(self.ring)
        self.assertEqual([each.name for each in report.unreadable], ["Key 1"])
        self.assertIn("1 of 5", report.warnings[0])

    def test_damaged_key_id(self) -> None:
        """A row whose key id is damaged does not look like a missing key."""
        self.fill()
        self.start(self.ring)
        (secret,) = {self.secrets()[self.keys[0]]}
        changed = secret.replace(FIRST.key_id, "AAAAAAAAAAA")
        self.conn.update(schema.access_key, self.keys[0], secret=changed)
        self.assertEqual(len(self.start(self.ring).unreadable), 1)

    def test_damaged_canary(self) -> None:
        """A damaged canary of the right key is replaced."""
        self.start(self.ring)
        name = f"sealing_key:{FIRST.key_id}"
        self.conn.update(schema.option, name, value="s1.broken")
        self.start(self.ring)
        (value,) = self.conn.raw.execute(
            "SELECT value FROM option WHERE key = ?", (name,)
        ).fetchone()
        self.ring.check_canary(FIRST.key_id, value)


class CheckTests(VaultCase):
    """The report of ``vault check``."""

    def test_report(self) -> None:
        """Each value is named with its key id and whether it opens."""
        self.fill()
        reports = vault.check(self.conn, self.ring)
        self.assertEqual(
            [(each.table, each.name) for each in reports],
            [
                ("access_key", "Key 0"),
                ("access_key", "Key 1"),
                ("access_key", "Key 2"),
                ("task", "survey secrets"),
                ("sealed_value", "authority root"),
            ],
        )
        self.assertEqual({each.key_id for each in reports}, {FIRST.key_id})
        self.assertEqual({each.why for each in reports}, {""})
        self.assertEqual(reports[0].project, "Site")

    def test_wrong_key(self) -> None:
        """With another key every value is reported."""
        self.fill()
        reports = vault.check(self.conn, self.keyring(SECOND))
        self.assertEqual({each.why for each in reports}, {"wrong key"})

    def test_swapped(self) -> None:
        """Swapped secrets of two keys are found, and both named."""
        self.fill()
        one, two = self.keys[:2]
        secrets = self.secrets()
        self.conn.update(schema.access_key, one, secret=secrets[two])
        self.conn.update(schema.access_key, two, secret=secrets[one])
        self.assertEqual(
            self.broken(self.ring),
            [
                f'access_key {one} "Key 0" of project "Site"',
                f'access_key {two} "Key 1" of project "Site"',
            ],
        )

    def test_copied(self) -> None:
        """A raw copy of a row under another uuid does not open."""
        self.fill()
        copied = self.secrets()[self.keys[0]]
        self.conn.insert(
            schema.access_key,
            uuid=self.conn.uuid(),
            name="Copy",
            type="string",
            project_id=self.project.id,
            secret=copied,
        )
        (title,) = self.broken(self.ring)
        self.assertIn("Copy", title)

    def test_moved_to_another_project(self) -> None:
        """A row that was moved to another project does not open."""
        self.fill()
        other = make_project(self.conn, name="Other")
        self.conn.update(schema.access_key, self.keys[2], project_id=other.id)
        (title,) = self.broken(self.ring)
        self.assertIn('"Key 2" of project "Other"', title)

    def test_not_sealed(self) -> None:
        """Plain text is reported as unreadable, and is not shown."""
        self.fill()
        self.conn.update(schema.access_key, self.keys[0], secret="Zx9-marker\n")
        reports = [each for each in vault.check(self.conn, self.ring) if each.why]
        self.assertEqual([each.key_id for each in reports], [""])
        self.assertNotIn("Zx9", repr(reports))


class RekeyTests(VaultCase):
    """A new key for everything."""

    def setUp(self) -> None:
        """Fill the store, and start once."""
        super().setUp()
        self.fill()
        self.start(self.ring)

    def test_all(self) -> None:
        """Afterwards all opens under the new key, none under the old."""
        report = self.rekey(self.keyring(SECOND, FIRST))
        self.assertEqual((report.resealed, report.already), (5, 0))
        self.assertEqual(self.broken(self.keyring(SECOND)), [])
        self.assertEqual(len(self.broken(self.ring)), 5)
        self.assertEqual(sealing_keys(self.conn), [SECOND.key_id])
        self.assertTrue(vault.has_leftovers(self.conn))
        self.start(self.keyring(SECOND))

    def test_content_survives(self) -> None:
        """The secrets themselves stay what they were."""
        ring = self.keyring(SECOND, FIRST)
        self.rekey(ring)
        for key, name in zip(self.keys, ("Key 0", "Key 1", "Key 2"), strict=True):
            uuid, secret = self.conn.raw.execute(
                "SELECT uuid, secret FROM access_key WHERE id = ?", (key,)
            ).fetchone()
            place = SealContext(
                "access_key", "access_key", "secret", uuid, self.project_uuid
            )
            self.assertEqual(key_id_of(secret), SECOND.key_id)
            self.assertEqual(ring.unseal(secret, place).reveal(), name.encode())

    def test_again(self) -> None:
        """A second run finds nothing to do and changes nothing."""
        ring = self.keyring(SECOND, FIRST)
        self.rekey(ring)
        vault.forget_leftovers(self.conn)
        before = self.dump()
        report = self.rekey(ring)
        self.assertEqual((report.resealed, report.already), (0, 5))
        self.assertEqual(self.dump(), before)

    def test_wrong_old_key(self) -> None:
        """With a wrong former key nothing is changed, and a row is named."""
        before = self.dump()
        error = self.assertRaises(RekeyRefused, self.rekey, self.keyring(SECOND, THIRD))
        self.assertIn("Key 0", error.message)
        self.assertIn("wrong key", error.message)
        self.assertEqual(self.dump(), before)

    def test_one_damaged_row(self) -> None:
        """One damaged row stops it all, and is named."""
        self.damage(self.keys[1])
        before = self.dump()
        error = self.assertRaises(RekeyRefused, self.rekey, self.keyring(SECOND, FIRST))
        self.assertIn("Key 1", error.message)
        self.assertEqual(self.dump(), before)

    def test_skip_unreadable(self) -> None:
        """With the option, a damaged row is left unchanged and reported."""
        self.damage(self.keys[1])
        before = self.secrets()[self.keys[1]]
        report = self.rekey(self.keyring(SECOND, FIRST), skip=True)
        self.assertEqual(report.resealed, 4)
        self.assertEqual([each.name for each in report.skipped], ["Key 1"])
        self.assertEqual(self.secrets()[self.keys[1]], before)
        self.assertEqual(len(self.start(self.keyring(SECOND)).unreadable), 1)

    def test_lost_key(self) -> None:
        """A lost former key is given up by skipping; it still helps if it is found."""
        self.rekey(self.keyring(SECOND), skip=True)
        self.assertEqual(len(self.start(self.keyring(SECOND)).unreadable), 5)
        self.assertEqual(self.broken(self.keyring(SECOND, FIRST)), [])

    def test_mixed(self) -> None:
        """Rows under three keys end under one."""
        self.add_key("Second", self.keyring(SECOND))
        report = self.rekey(self.keyring(THIRD, FIRST, SECOND))
        self.assertEqual(report.resealed, 6)
        self.assertEqual(self.broken(self.keyring(THIRD)), [])

    def test_running_server(self) -> None:
        """While a server encrypts with another key nothing is done."""
        before = self.dump()
        ring = self.keyring(SECOND, FIRST)
        with self.assertRaises(Conflict) as caught:
            self.rekey(ring, runs=True)
        self.assertIn("restart it", caught.exception.message)
        self.assertEqual(self.dump(), before)
        self.start(ring)  # the restart, with both keys
        self.assertEqual(self.rekey(ring, runs=True).resealed, 5)

    def test_many_rows(self) -> None:
        """A thousand rows in one transaction."""
        for number in range(1000):
            self.add_key(f"Many {number}")
        self.assertEqual(self.rekey(self.keyring(SECOND, FIRST)).resealed, 1005)
