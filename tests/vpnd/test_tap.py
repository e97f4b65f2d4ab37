"""Input that is read before privileges are dropped."""

import os

from semaphore_twisted.vpnd import tap
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.settings import FILE, KEY, dump
from tests.support.devices import PRIVATE, SETTINGS
from tests.support.folders import FolderTestCase


class StartTests(FolderTestCase):
    """Steps before privileges are dropped."""

    def write(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file of root's."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)

    def refused(self) -> str:
        """Return the sentence of the refusal."""
        return str(self.assertRaises(tap.StartRefused, tap._read, self.folder))

    def test_read(self) -> None:
        """Settings and key are read, if they are their owner's alone."""
        self.assertIn("semaphore vpn init", self.refused())
        self.write(FILE, dump(SETTINGS))
        self.assertIn(KEY, self.refused())
        self.write(KEY, keys.format(PRIVATE).encode() + b"\n")
        self.assertEqual(tap._read(self.folder), (SETTINGS, PRIVATE))
        for name in (FILE, KEY):
            (self.folder / name).chmod(0o640)
            self.assertIn("chmod 600", self.refused())
            (self.folder / name).chmod(0o600)
        for content in (b"", b"x" * 44, keys.format(bytes(32)).encode(), b"\xff"):
            self.write(KEY, content)
            self.assertIn("no WireGuard private key", self.refused())
        self.write(KEY, keys.format(PRIVATE).encode())
        self.write(FILE, b"{}")
        self.assertIn(FILE, self.refused())

    def test_pipe(self) -> None:
        """``--until-closed`` takes the number of an open pipe alone."""
        reading, writing = os.pipe()
        file = os.open(os.devnull, os.O_RDONLY)
        for each in (reading, writing, file):
            self.addCleanup(os.close, each)
        self.assertIsNone(tap._pipe(None))
        self.assertEqual(tap._pipe(str(reading)), reading)
        for text in ("", "x", "-1", "9999", str(file), "9" * 40, "\u0663", "1.5"):
            error = self.assertRaises(tap.StartRefused, tap._pipe, text)
            self.assertIn("--until-closed: invalid value", str(error))

    def test_accounts(self) -> None:
        """Only root can switch to another user."""
        self.assertRaises(tap.StartRefused, tap._account, "no-such-account")
        if os.geteuid() == 0:
            found = tap._account("nobody")
            assert found is not None
            self.assertEqual(found.pw_name, "nobody")

    def test_options(self) -> None:
        """Without options, the places are the unit's."""
        options = tap.Options()
        options.parseOptions([])
        self.assertEqual(
            [options[each] for each in ("settings", "socket", "state", "user")],
            [
                "/etc/semaphore-vpn",
                "/run/semaphore-vpn/vpn.sock",
                "/var/lib/semaphore-vpn",
                None,
            ],
        )
