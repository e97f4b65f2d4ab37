"""``semaphore vpn backup`` and ``restore``."""

import os
import stat

from cryptography import x509
from nacl.pwhash import argon2id
from nacl.utils import random

from semaphore_twisted.cli.vpn import backup as vpn_backup
from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.crypto.passphrases import Cost
from semaphore_twisted.operations.vault import sealed_values
from semaphore_twisted.operations.vpn import network, peers
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start.certificates import authority
from semaphore_twisted.wireguard import key_pairs, keys, settings
from tests.support.memory import make_user
from tests.support.vpn_command import Installed, VpnCase

PASSPHRASE = "correct horse battery staple"

INVITE = {
    "token_digest": "d" * 64,
    "prefix": "smp-enroll-abcd",
    "kind": "laptop",
    "user_id": 2,
    "uses": 1,
    "max_uses": 3,
    "grants": ["lan"],
    "approval": True,
    "created": utc_now(),
    "expires": utc_now(),
}


class BackupTests(VpnCase):
    """To a new host, and back."""

    def setUp(self) -> None:
        """Set the VPN up, with something of everything."""
        super().setUp()
        cheap = Cost(argon2id.OPSLIMIT_MIN, argon2id.MEMLIMIT_MIN)
        self.patch(vpn_backup, "COST", cheap)
        self.set_up()
        self.file = self.site.folder / "vpn.backup"
        self.word = self.site.folder / "passphrase"
        self.word.write_text(PASSPHRASE + "\n")
        self.add("laptop", "--user", "alice", "--expires", "90d", "--tag", "x")
        self.add("web1", "--project", "Site")
        self.add("gone")
        self.done("peer", "revoke", "gone", "--yes")
        self.add("stopped")
        self.done("peer", "suspend", "stopped")
        self.done("grant", "lan", "--user", "alice")
        self.done("grant", "lan", "--peer", "web1")

    def options(self, site: Installed) -> list[str]:
        """Return the options of both commands."""
        return [
            str(self.file),
            "--passphrase-file",
            str(self.word),
            "--vpn-settings",
            str(site.settings),
        ]

    def backup(self, *words: str) -> str:
        """Make the file."""
        return self.done("backup", *self.options(self.site), *words)

    def other(self) -> Installed:
        """Return a new installation, with another master key."""
        made = Installed()
        self.addCleanup(made.remove)
        return made

    def restore(self, site: Installed, *words: str) -> str:
        """Bring the file back on *site*."""
        code, out, err = site.run("restore", *self.options(site), *words)
        self.assertEqual((code, err), (0, ""))
        return out

    def live(self, site: Installed) -> dict[bytes, tuple[object, ...]]:
        """Return what the device of *site* would be."""
        ring = Keyring(MasterKey.parse(site.key), entropy=random)
        desired = peers.desired(site.conn, ring, {})
        return {
            each.public_key: (each.addresses, each.preshared_key)
            for each in desired.peers
        }

    def test_sealed(self) -> None:
        """The file is 0600 and encrypted; neither it nor the events have a key."""
        out = self.backup()
        self.assertIn("4 peers", out)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        content = self.file.read_bytes()
        private = (self.site.settings / "private.key").read_text().strip()
        for secret in (private, "laptop", "vpn.example.net"):
            self.assertNotIn(secret.encode(), content)
        self.assertIn("backed up", self.events())
        self.assertNotIn(private, self.events())

    def test_new_host(self) -> None:
        """On a new host the same clients can connect with their keys."""
        self.backup()
        other = self.other()
        out = self.restore(other)
        self.assertIn("4 peers", out)
        self.assertIn("1 networks", out)
        self.assertIn("2 grants", out)
        self.assertEqual(self.live(other), self.live(self.site))
        self.assertEqual(len(self.live(other)), 2)
        for name in ("private.key",):
            self.assertEqual(
                (other.settings / name).read_bytes(),
                (self.site.settings / name).read_bytes(),
            )
        before = network.get(self.site.conn, None)
        after = network.get(other.conn, None)
        for name in ("endpoint", "pool4", "pool6", "server4", "server6", "public_key"):
            self.assertEqual(getattr(after, name), getattr(before, name))
        self.assertGreater(after.revision, before.revision)
        found = settings.load((other.settings / "companion.json").read_bytes())
        self.assertEqual(found.users, (other.state.stat().st_uid,))
        listed = {each.name: each for each in peers.listed(other.conn, None)}
        self.assertEqual(listed["stopped"].state, "suspended")
        self.assertEqual(listed["laptop"].owner, "alice")
        self.assertEqual(listed["laptop"].tags, ("x",))
        self.assertIsNotNone(listed["laptop"].expires)
        self.assertEqual(listed["web1"].owner, "Site")

    def test_host_that_was_set_up(self) -> None:
        """The interface and the open ports are the new host's own."""
        self.backup()
        other = self.other()
        code, _, err = other.run(
            *("init", "--vpn-settings", str(other.settings)),
            *("--endpoint", "new.example.net", "--interface", "wg7"),
            *("--publish", "tcp/22", "--pool", "10.99.0.0/24", "--port", "5000"),
        )
        self.assertEqual((code, err), (0, ""))
        self.restore(other)
        found = settings.load((other.settings / "companion.json").read_bytes())
        self.assertEqual((found.interface, found.port), ("wg7", 51820))
        self.assertIn(22, found.tcp_ports)
        self.assertEqual(found.addresses[0], "10.80.0.1/16")
        self.assertEqual(network.get(other.conn, None).interface, "wg7")
        code, out, err = other.run("init", "--vpn-settings", str(other.settings))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("is as it was", out)

    def test_peers_are_not_replaced(self) -> None:
        """Existing peers are not removed without confirmation."""
        self.backup()
        self.add("new")
        said = self.refused("restore", *self.options(self.site))
        self.assertIn("--replace", said)
        self.assertEqual(len(peers.listed(self.site.conn, None)), 4)
        self.restore(self.site, "--replace")
        names = [each.name for each in peers.listed(self.site.conn, None)]
        self.assertEqual(names, ["laptop", "stopped", "web1"])

    def test_invites(self) -> None:
        """An invite is restored with its uses, and with its peers."""
        self.site.conn.insert(schema.vpn_invite, **INVITE)
        self.site.conn.raw.execute(
            "UPDATE vpn_peer SET invite_id = 1 WHERE name = 'laptop'"
        )
        self.backup()
        other = self.other()
        self.assertIn("1 invites", self.restore(other))
        (row,) = other.conn.raw.execute("SELECT uses, max_uses, grants FROM vpn_invite")
        self.assertEqual(row, (1, 3, '["lan"]'))
        (row,) = other.conn.raw.execute(
            "SELECT count(*) FROM vpn_peer WHERE invite_id IS NOT NULL"
        )
        self.assertEqual(row, (1,))

    def ensure(self, site: Installed) -> str:
        """Have the local CA of *site*, as a server does when it starts."""
        with site.conn.transaction(write=True):
            made = authority.ensure(
                site.conn,
                Keyring(MasterKey.parse(site.key, "key"), entropy=random),
                site.state / "tls",
                names=("vpn.example.net",),
                addresses=(),
            )
        return made.fingerprint

    def test_authority(self) -> None:
        """The CA is restored too, since invite links have its fingerprint."""
        root = self.ensure(self.site)
        key = (self.site.state / "tls" / "key.pem").read_text()
        self.backup()
        self.assertNotIn(key.splitlines()[1].encode(), self.file.read_bytes())
        other = self.other()
        self.assertNotEqual(self.ensure(other), root)
        self.assertIn(root, self.restore(other))
        self.assertEqual(self.ensure(other), root)
        chain = x509.load_pem_x509_certificates(
            (other.state / "tls" / "chain.pem").read_bytes()
        )
        self.assertTrue(certificates.covers(chain[0], "vpn.example.net"))
        # the second time it is here already
        self.assertNotIn(root, self.restore(other, "--replace"))

    def test_authority_is_kept(self) -> None:
        """This host's authority can be kept, and a damaged one does not replace it."""
        self.ensure(self.site)
        self.backup()
        other = self.other()
        own = self.ensure(other)
        self.restore(other, "--keep-authority")
        self.assertEqual(self.ensure(other), own)
        with self.site.conn.transaction(write=True):
            keyring = Keyring(MasterKey.parse(self.site.key, "key"), entropy=random)
            sealed_values.keep(self.site.conn, keyring, authority.ROOT, b"{}")
        self.backup("--force")
        code, _, err = other.run("restore", *self.options(other), "--replace")
        self.assertEqual(code, 0)
        self.assertIn("the local CA cannot be read", err)
        self.assertEqual(self.ensure(other), own)

    def test_owners_that_are_not_here(self) -> None:
        """Devices of missing users go to an administrator; projects are created."""
        self.backup()
        other = self.other()
        other.conn.raw.execute("DELETE FROM user WHERE username = 'alice'")
        other.conn.raw.execute("UPDATE project SET name = 'Another', uuid = 'u'")
        make_user(other.conn, "older", admin=True, active=False)
        out = self.restore(other)
        self.assertIn("laptop of alice belongs to root now", out)
        self.assertIn("The project Site was made", out)
        listed = {each.name: each for each in peers.listed(other.conn, None)}
        self.assertEqual(listed["laptop"].owner, "root")
        self.assertEqual(listed["web1"].owner, "Site")
        self.assertEqual(set(self.live(other)), set(self.live(self.site)))

    def test_wrong_files(self) -> None:
        """Another passphrase, a damaged file, no file: one line, nothing changed."""
        self.backup()
        other = self.other()
        good = self.file.read_bytes()
        for content in (b"", b"{}", good[:-40], good.replace(b'"sealed"', b'"sealad"')):
            self.file.write_bytes(content)
            self.failed(other)
        self.file.write_bytes(good)
        self.word.write_text("another passphrase\n")
        self.failed(other)
        self.file.unlink()
        self.failed(other)

    def failed(self, site: Installed) -> None:
        """See that nothing is restored."""
        code, _, err = site.run("restore", *self.options(site))
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertIsNone(network.find(site.conn))
        self.assertFalse(site.settings.exists())

    def test_files_cannot_be_written(self) -> None:
        """If the files cannot be written, the database is not changed."""
        self.backup()
        other = self.other()
        other.settings.write_text("a file where a folder is wanted")
        code, _, err = other.run("restore", *self.options(other))
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertIsNone(network.find(other.conn))
        self.assertEqual(peers.listed(other.conn, None), [])

    def test_passphrases(self) -> None:
        """A short one is refused, and without a terminal one has to be given."""
        self.word.write_text("short\n")
        said = self.refused("backup", *self.options(self.site))
        self.assertIn("12 characters", said)
        folder = str(self.site.settings)
        said = self.refused("backup", str(self.file), "--vpn-settings", folder)
        self.assertIn("--passphrase-file", said)
        self.assertFalse(self.file.exists())

    def test_existing_file(self) -> None:
        """An existing file is kept, unless --force is given."""
        self.file.write_text("something")
        self.assertIn("--force", self.refused("backup", *self.options(self.site)))
        self.assertEqual(self.file.read_text(), "something")
        self.backup("--force")
        self.assertNotEqual(self.file.read_text(), "something")

    def test_foreign_key(self) -> None:
        """A key that is not the network's is not saved as if it were."""
        key = self.site.settings / "private.key"
        key.write_text(keys.format(key_pairs.new_pair(os.urandom).private_key))
        said = self.refused("backup", *self.options(self.site))
        self.assertIn("not the key whose public half the clients have", said)

    def test_damaged_peer(self) -> None:
        """A peer whose preshared key does not open is left out, and named."""
        self.site.conn.raw.execute(
            "UPDATE vpn_peer SET preshared_key = 's1.x.y' WHERE name = 'web1'"
        )
        code, out, err = self.site.run("backup", *self.options(self.site))
        self.assertEqual(code, 0)
        self.assertIn("web1", err)
        self.assertIn("3 peers", out)
        other = self.other()
        self.restore(other)

    def test_not_set_up(self) -> None:
        """Before ``vpn init`` there is nothing to back up."""
        other = self.other()
        code, _, err = other.run("backup", *self.options(other))
        self.assertEqual((code, err.count("\n")), (1, 1))
