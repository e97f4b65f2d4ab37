"""The key of the key store, from its making to its change, as an operator meets it."""

import base64
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.masterkey import MasterKey
from tests.support import warm
from tests.support.pace import in_time
from tests.support.product import Product, clean_environment

MARKER = "Zx9-marker"


def fresh_key() -> str:
    """Return a key, generated as the documents describe."""
    return subprocess.run(
        "head -c32 /dev/urandom | base64",
        shell=True,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


class VaultLifecycleTests(SynchronousTestCase):
    """A state directory with encrypted keys, and the commands for it."""

    def setUp(self) -> None:
        """Start once with a key of the administrator's, and store secrets."""
        # a short path: sockets below it have names of 107 bytes at most
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700)
        self.key = fresh_key()
        self.configure(access_key_encryption=self.key)
        self.product = Product(self.state, is_warm=True)
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()
        self.project = self.product.api("POST", "/projects", {"name": "Vault"})["id"]
        self.keys = [
            self.product.create(
                self.project,
                "keys",
                name=f"Password {number}",
                type="login_password",
                login_password={"login": "someone", "password": f"{MARKER}-{number}"},
            )
            for number in range(5)
        ]
        self.product.stop()

    def configure(self, **options: object) -> None:
        """Write ``config.json`` of the state directory."""
        path = self.state / "config.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**before, **options}))
        path.chmod(0o600)

    def command(
        self, *words: str, text: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore`` on the state directory."""
        program = str(Path(sys.executable).with_name("semaphore"))
        return warm.run(
            [program, *words, "--state", str(self.state)],
            env=clean_environment(),
            text=text,
        )

    def refused(self) -> str:
        """Start the server, which must refuse; return its one line."""
        twistd = str(Path(sys.executable).with_name("twistd"))
        began = time.monotonic()
        done = warm.run(
            [twistd, "-n", "--pidfile=", "semaphore", "--state", str(self.state)],
            env=self.product.environ,
        )
        self.assertEqual(done.returncode, 78, done.stderr)
        in_time(time.monotonic() - began, 5)
        (line,) = done.stderr.strip().splitlines()
        self.assertNotIn("Traceback", done.stdout)
        return line

    def snapshot(self) -> list[tuple[object, ...]]:
        """Return every encrypted row."""
        with sqlite3.connect(self.state / "semaphore.db") as database:
            return database.execute(
                "SELECT id, uuid, name, secret FROM access_key ORDER BY id"
            ).fetchall()

    def contents(self) -> dict[Path, bytes]:
        """Return every file of the state directory that is not only a lock."""
        return {
            path: path.read_bytes()
            for path in self.state.rglob("*")
            if path.is_file() and not path.name.endswith("lock")
        }

    def listed(self) -> int:
        """Return the number of keys that the API lists (the key None is one)."""
        return len(self.product.api("GET", f"/project/{self.project}/keys"))

    def test_sealed(self) -> None:
        """No byte of a stored secret is in any file of the state directory."""
        needles = [
            MARKER.encode(),
            base64.b64encode(MARKER.encode())[:-2],
            MARKER.encode().hex().encode(),
        ]
        for path in self.state.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for needle in needles:
                    self.assertNotIn(needle, content, str(path))

    def test_modes(self) -> None:
        """Private files are private under any umask."""
        for path in [self.state, *self.state.rglob("*")]:
            mode = path.stat().st_mode & 0o777
            if path.is_dir():
                self.assertEqual(mode, 0o700, str(path))
            elif path.suffix not in {".pem", ".crt"} or "key" in path.name:
                self.assertEqual(mode & 0o077, 0, str(path))

    def test_wrong_lengths(self) -> None:
        """An invalid key stops the start, and the line gives the reason."""
        for size in (1, 16, 24, 31, 33, 48, 64):
            key = base64.b64encode(os.urandom(size)).decode()
            self.configure(access_key_encryption=key)
            line = self.refused()
            self.assertIn("access_key_encryption", line)
            self.assertIn(str(size), line)
            self.assertIn("32", line)
            self.assertNotIn(key, line)
        for key in ("not base64!!", "="):
            self.configure(access_key_encryption=key)
            self.assertIn("access_key_encryption", self.refused())

    def test_start_table(self) -> None:
        """Another key, or none, stops the start; nothing is made, or changed."""
        other = fresh_key()
        right, wrong = (MasterKey.parse(each).key_id for each in (self.key, other))
        for key, found in ((other, wrong), ("", "none is configured")):
            self.configure(access_key_encryption=key)
            before = self.contents()
            line = self.refused()
            for part in ("access_key_encryption", right, found):
                self.assertIn(part, line)
            self.assertEqual(self.contents(), before)
        self.configure(access_key_encryption=self.key)
        self.product.start()
        self.assertEqual(self.listed(), 6)

    def test_check(self) -> None:
        """The check names each row that does not open, and why."""
        done = self.command("vault", "check")
        self.assertEqual(done.returncode, 0, done.stderr)
        with sqlite3.connect(self.state / "semaphore.db") as database:
            database.execute(
                "UPDATE access_key SET secret = (SELECT secret FROM access_key "
                "WHERE id = ?) WHERE id = ?",
                (self.keys[0], self.keys[1]),
            )
        done = self.command("vault", "check")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("Password 1", done.stdout)
        self.product.start()  # one damaged row does not affect the other ones
        self.assertEqual(self.listed(), 6)

    def test_rekey(self) -> None:
        """Afterwards all values use the new key; a second run changes nothing."""
        old, new = self.key, fresh_key()
        self.configure(access_key_encryption=new)
        wrong = self.command("vault", "rekey", "--old-key-file", "-", text=fresh_key())
        before = self.snapshot()
        self.assertEqual(wrong.returncode, 1, wrong.stdout)
        self.assertEqual(self.snapshot(), before)
        done = self.command("vault", "rekey", "--old-key-file", "-", text=old)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.command("vault", "rekey", "--old-key-file", "-", text=old)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.command("vault", "check").returncode, 0)
        self.product.start()
        self.assertNotIn(
            str(before[1][3]).encode(), (self.state / "semaphore.db").read_bytes()
        )

    def test_rekey_killed(self) -> None:
        """A rekey killed at any moment leaves all rows under one key."""
        program = str(Path(sys.executable).with_name("semaphore"))
        dice = random.Random(9)
        old = self.key
        for _ in range(10):
            new = fresh_key()
            self.configure(access_key_encryption=new)
            with subprocess.Popen(
                [
                    *(program, "vault", "rekey", "--old-key-file", "-"),
                    *("--state", str(self.state)),
                ],
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as child:
                assert child.stdin is not None
                child.stdin.write(old)
                child.stdin.close()
                time.sleep(dice.uniform(0.1, 0.6))
                child.send_signal(signal.SIGKILL)
            sealed_by = {
                str(row[3]).split(".")[1]
                for row in self.snapshot()
                if row[3] is not None
            }
            self.assertEqual(len(sealed_by), 1)
            done = self.command("vault", "rekey", "--old-key-file", "-", text=old)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.command("vault", "check").returncode, 0)
            old = new
