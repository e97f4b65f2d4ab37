"""``semaphore vpn peer``."""

import json
import os

from semaphore_twisted.wireguard import key_pairs, keys, profile
from tests.support.vpn_command import VpnCase


def sections(text: str) -> list[str]:
    """Return the sections of a file, in an order that does not depend on it."""
    return sorted(each.strip() for each in text.split("\n\n"))


class PeerTests(VpnCase):
    """Each verb, as it is typed."""

    def setUp(self) -> None:
        """Set the VPN up."""
        super().setUp()
        self.set_up()

    def state(self, peer: str) -> str:
        """Return a peer's state."""
        found = json.loads(self.done("peer", "show", peer, "--json"))
        return str(found["peer"]["state"])

    def test_add_with_key(self) -> None:
        """With a public key the file has a marked place, and there is no QR."""
        public = keys.format(key_pairs.new_pair(os.urandom).public_key)
        code, out, err = self.site.run("peer", "add", "box", "--public-key", public)
        self.assertEqual(code, 0, err)
        self.assertIn(f"PrivateKey = {profile.PLACE}\n", out)
        self.assertTrue(out.startswith("[Interface]\n"))
        self.assertIn("no QR code", err)
        self.assertNotIn("\u2580", err)  # an upper half block of a QR code
        self.assertNotIn("made on the server", self.events())

    def test_add_without_key(self) -> None:
        """A pair made here is shown once, stored nowhere, and in the record."""
        code, out, err = self.site.run("peer", "add", "phone", "--kind", "phone")
        self.assertEqual(code, 0, err)
        text = out.partition("PrivateKey = ")[2].partition("\n")[0]
        public = keys.format(keys.public_of(keys.decode(text)))
        found = json.loads(self.done("peer", "show", "phone", "--json"))["peer"]
        self.assertEqual(found["public_key"], public)
        self.assertIn(profile.qr_terminal(out).strip(), err)
        self.assertIn("stored nowhere", err)
        self.assertIn("made on the server", self.events())
        for path in self.site.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(text.encode(), content, str(path))
                self.assertNotIn(keys.decode(text), content, str(path))

    def test_add_for_others(self) -> None:
        """Devices are users', hosts projects'; the administrator is the usual owner."""
        self.assertEqual(self.add("a")["peer"]["owner"], "root")
        self.assertEqual(self.add("b", "--user", "alice")["peer"]["owner"], "alice")
        host = self.add("c", "--project", "Site", "--tag", "web")["peer"]
        self.assertEqual((host["owner"], host["kind"]), ("Site", "host"))
        public = keys.format(key_pairs.new_pair(os.urandom).public_key)
        for words, expected in (
            (["--user", "nobody"], "no user"),
            (["--project", "None"], "no project"),
            (["--kind", "host"], "--project"),
            (["--grant", "nowhere"], "nowhere"),
            (["--tag", "a b"], "tag"),
            (["--expires", "soon"], "90d"),
        ):
            said = self.refused("peer", "add", "x", "--public-key", public, *words)
            self.assertIn(expected, said)

    def test_reserved_names(self) -> None:
        """A host cannot be created with or renamed to a name reserved for Ansible."""
        public = keys.format(key_pairs.new_pair(os.urandom).public_key)
        self.add("web", "--project", "Site")
        for name in ("localhost", "127.0.0.1", "::1", "all", "tag_db"):
            said = self.refused(
                *("peer", "add", "--project", "Site", "--public-key", public, name)
            )
            self.assertIn(f'name: invalid value "{name}" for a host; ', said)
            self.refused("peer", "rename", "web", name)
        self.add("localhost")

    def test_hostile_names(self) -> None:
        """A name is shown text; it is refused or in no file."""
        public = keys.format(key_pairs.new_pair(os.urandom).public_key)
        for name in (
            "a\nb",
            "a\r\n[Interface]\nPostUp = reboot",
            "a\x1b[2J",
            "a\u2028b",
            "a\x85b",
            "a\u202eb",
            "",
            " ",
            "x" * 200,
        ):
            self.refused("peer", "add", "--public-key", public, "--", name)
        plain = self.add("a")["config"]
        for name in ("../x", "'; reboot", '"$(reboot)"', "C:\\x", "[Peer];"):
            added = self.add(name)
            self.assertNotIn(name, added["config"])
            self.assertEqual(added["config"].count("\n"), plain.count("\n"))
        self.refused("peer", "add", "--public-key", public, "--", "-h")
        listed = self.done("peer", "list")
        self.assertEqual(listed.count("\n"), 7)

    def test_wrong_keys(self) -> None:
        """An invalid or used key is one line."""
        pair = key_pairs.new_pair(os.urandom)
        public = keys.format(pair.public_key)
        for key in ("", "x", public[:-1], public + "=", keys.format(bytes(32))):
            self.refused("peer", "add", "box", f"--public-key={key}")
        self.done("peer", "add", "box", "--public-key", public)
        self.assertIn("used", self.refused("peer", "add", "b", "--public-key", public))

    def test_list(self) -> None:
        """Peers can be chosen by owner, kind, tag and state."""
        self.add("a", "--user", "alice")
        self.add("b", "--project", "Site", "--tag", "web")
        for words, expected in (
            ([], ["a", "b"]),
            (["--user", "alice"], ["a"]),
            (["--project", "Site"], ["b"]),
            (["--kind", "host"], ["b"]),
            (["--tag", "web"], ["b"]),
            (["--in", "suspended"], []),
        ):
            found = json.loads(self.done("peer", "list", "--json", *words))
            self.assertEqual([each["name"] for each in found], expected)
        self.assertIn("10.80.0.2", self.done("peer", "list"))

    def test_ambiguous(self) -> None:
        """An ambiguous name is refused with its peers; ids and UUIDs are accepted."""
        mine = self.add("box")["peer"]
        hers = self.add("box", "--user", "alice")["peer"]
        said = self.refused("peer", "suspend", "box")
        self.assertIn("root", said)
        self.assertIn("alice", said)
        self.done("peer", "suspend", str(hers["id"]))
        self.done("peer", "suspend", mine["uuid"])
        self.assertEqual(self.state(mine["uuid"]), "suspended")
        self.assertEqual(self.state(hers["uuid"]), "suspended")
        self.assertIn("no peer", self.refused("peer", "show", "other"))

    def test_life(self) -> None:
        """Suspended, resumed, renamed, expired and revoked."""
        self.add("box")
        self.assertIn("suspended", self.done("peer", "suspend", "box"))
        self.assertIn("active", self.done("peer", "resume", "box"))
        self.assertIn("chest", self.done("peer", "rename", "box", "chest"))
        self.assertIn("until", self.done("peer", "expire", "chest", "--at", "12h"))
        self.assertEqual(self.state("chest"), "active")
        self.assertIn(
            "without an end", self.done("peer", "expire", "chest", "--at=never")
        )
        self.assertIn("expired", self.done("peer", "expire", "chest"))
        self.assertIn("active", self.done("peer", "resume", "chest", "--expires", "7d"))
        uuid = json.loads(self.done("peer", "show", "chest", "--json"))["peer"]["uuid"]
        self.assertIn("revoked", self.done("peer", "revoke", "chest", "--yes"))
        self.assertEqual(self.state(uuid), "revoked")
        self.assertEqual(json.loads(self.done("peer", "list", "--json")), [])

    def test_resume_expired(self) -> None:
        """Resuming an expired peer needs a new date, in one call."""
        self.add("box")
        self.done("peer", "expire", "box")
        said = self.refused("peer", "resume", "box")
        self.assertRegex(said, r"\d{4}-\d\d-\d\d")
        self.assertEqual(self.state("box"), "expired")
        self.done("peer", "resume", "box", "--expires", "90d")
        self.assertEqual(self.state("box"), "active")

    def test_revoke_asks(self) -> None:
        """Without a terminal for the question, --yes is needed."""
        self.add("box")
        self.assertIn("--yes", self.refused("peer", "revoke", "box"))
        self.assertEqual(self.state("box"), "active")

    def test_rotate(self) -> None:
        """The key changes, the address stays; the file is printed as for a new peer."""
        before = self.add("box")["peer"]
        code, out, err = self.site.run("peer", "rotate", "box")
        self.assertEqual(code, 0, err)
        self.assertIn(f"Address = {before['ipv4']}/32", out)
        self.assertNotIn(profile.PLACE, out)
        after = json.loads(self.done("peer", "show", "box", "--json"))["peer"]
        self.assertNotEqual(after["public_key"], before["public_key"])
        self.assertEqual(after["uuid"], before["uuid"])

    def test_show_networks(self) -> None:
        """A peer's networks are shown: by its own, its owner's and project grants."""
        for words in (["--peer", "box"], ["--user", "alice"], ["--project", "Site"]):
            if words[0] == "--peer":
                self.add("box", "--user", "alice")
            self.assertIn("May enter: -", self.done("peer", "show", "box"))
            self.done("grant", "lan", *words)
            shown = self.done("peer", "show", "box")
            self.assertIn("May enter: lan (10.20.0.0/16)", shown)
            self.done("ungrant", "lan", *words)

    def test_export(self) -> None:
        """The export has no secret, unless it is asked for."""
        added = self.add("box")
        found = json.loads(self.done("peer", "export"))
        self.assertEqual([each["uuid"] for each in found], [added["peer"]["uuid"]])
        plain = self.done("peer", "export", "--format", "wg")
        self.assertIn("[Peer]\nPublicKey = ", plain)
        self.assertNotIn("PresharedKey", plain)
        whole = self.done("peer", "export", "--format", "wg", "--preshared-keys")
        (line,) = [each for each in whole.split("\n") if "PresharedKey" in each]
        self.assertIn(line, added["config"])
        self.refused("peer", "export", "--preshared-keys")

    def test_import(self) -> None:
        """An import of an export gives the same set; a second one changes nothing."""
        for number in range(30):
            self.add(f"box{number}")
        text = self.done("peer", "export", "--format", "wg", "--preshared-keys")
        other = VpnCase()
        other.setUp()
        self.addCleanup(other.doCleanups)
        other.set_up()
        path = other.site.folder / "wg0.conf"
        path.write_text("[Interface]\nListenPort = 51820\n\n" + text)
        pool6 = json.loads(self.done("peer", "export"))[0]["ipv6"].rpartition(":")[0]
        other.init("--pool6", f"{pool6}:/64")
        out = other.done("peer", "import", str(path), "--dry-run")
        self.assertIn("30 peers were added", out)
        self.assertEqual(json.loads(other.done("peer", "list", "--json")), [])
        other.done("peer", "import", str(path), "--user", "alice")
        again = other.done("peer", "export", "--format", "wg", "--preshared-keys")
        self.assertEqual(sections(again), sections(text))
        out = other.done("peer", "import", str(path), "--user", "alice")
        self.assertIn("0 peers were added, 30 exist already", out)

    def test_import_refused(self) -> None:
        """Hooks are refused with their lines, and nothing is taken."""
        path = self.site.folder / "wg0.conf"
        key = keys.format(key_pairs.new_pair(os.urandom).public_key)
        peer = f"[Peer]\nPublicKey = {key}\nAllowedIPs = 10.80.0.9/32\n"
        path.write_text(f"[Interface]\nPostUp = reboot $(x)\n{peer}")
        said = self.refused("peer", "import", str(path))
        self.assertIn("line 2", said)
        self.assertNotIn("reboot", said)
        for content in (b"\xff\xfe", b"hello", b"[Peer]\nPublicKey = x\n"):
            path.write_bytes(content)
            self.refused("peer", "import", str(path))
        self.refused("peer", "import", str(path) + ".none")
        self.assertEqual(json.loads(self.done("peer", "list", "--json")), [])

    def test_import_warns(self) -> None:
        """Another server key and networks behind peers are reported, not imported."""
        path = self.site.folder / "wg0.conf"
        server = key_pairs.new_pair(os.urandom)
        key = keys.format(key_pairs.new_pair(os.urandom).public_key)
        path.write_text(
            f"[Interface]\nPrivateKey = {keys.format(server.private_key)}\n"
            f"[Peer]\nPublicKey = {key}\nAllowedIPs = 10.80.0.9/32, 10.99.0.0/16\n"
        )
        code, _, err = self.site.run("peer", "import", str(path))
        self.assertEqual(code, 0, err)
        self.assertIn("10.99.0.0/16", err)
        self.assertIn(keys.format(server.public_key), err)
        self.assertNotIn(keys.format(server.private_key), err)


class NotSetUpTests(VpnCase):
    """Before ``vpn init``."""

    def test_each(self) -> None:
        """Every command that needs the VPN reports that it is not set up."""
        for words in (
            ["peer", "add", "box"],
            ["invite"],
            ["status"],
            ["plan"],
            ["doctor"],
        ):
            self.assertIn("not set up", self.refused(*words))

    def test_old_store(self) -> None:
        """A database of an older program and a broken one give different errors."""
        self.site.conn.raw.execute("UPDATE alembic_version SET version_num = '0001'")
        self.assertIn("semaphore migrate", self.refused("peer", "list"))
