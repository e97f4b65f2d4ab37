"""``semaphore hosts``, on an installation in a folder."""

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from tests.operations.test_known_hosts import KEY
from tests.support.store import migrated


class HostsTests(SynchronousTestCase):
    """Each command, as it is typed."""

    def setUp(self) -> None:
        """Make an installation that knows two hosts."""
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir(mode=0o700)
        (self.state / "config.json").write_text("{}")
        (self.state / "known_hosts").write_text(f"one {KEY}\n[two]:2222 {KEY}\n")
        migrated(self.state / "semaphore.db")
        self.addCleanup(os.umask, os.umask(0o077))

    def command(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["hosts", *words, "--state", str(self.state)])
        return code, out.getvalue(), err.getvalue()

    def test_commands(self) -> None:
        """Hosts are listed and removed; an unknown one is a one-line error."""
        _, out, _ = self.command("list")
        self.assertIn("[two]:2222", out)
        self.assertIn("SHA256:", out)
        code, out, _ = self.command("forget", "two:2222")
        self.assertEqual(code, 0)
        self.assertIn("forgotten: ssh-ed25519 SHA256:", out)
        self.assertEqual((self.state / "known_hosts").read_text(), f"one {KEY}\n")
        for host in ("two:2222", "a b"):
            code, out, err = self.command("forget", host)
            self.assertEqual((code, out), (1, ""))
            self.assertEqual(len(err.splitlines()), 1)
            self.assertIn(host, err)

    def test_other_file(self) -> None:
        """The file of the configuration is taken."""
        other = self.state / "other hosts"
        other.write_text(f"three {KEY}\n")
        config = {"ssh": {"known_hosts_file": str(other)}}
        (self.state / "config.json").write_text(json.dumps(config))
        self.assertIn("three", self.command("list")[1])
        self.assertEqual(self.command("forget", "three")[0], 0)
        self.assertEqual(other.read_text(), "")
