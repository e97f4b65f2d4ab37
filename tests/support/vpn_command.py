"""``semaphore vpn …`` on an installation in a directory, in this process."""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.crypto import masterkey
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.wireguard import key_pairs, keys
from tests.support.enrolling import ROOT
from tests.support.memory import make_project, make_user
from tests.support.scripted_companion import Respond, ScriptedCompanion
from tests.support.store import migrated

#: A fake program that prints the machine's state as the test defines it.
_IP = """\
#!/bin/sh
case "$*" in
*address*) cat FOLDER/links ;;
*-6*) cat FOLDER/routes6 ;;
*) cat FOLDER/routes ;;
esac
"""
_SS = """\
#!/bin/sh
cat FOLDER/connections
"""


class Installed:
    """An installation with an administrator ``root``, a user ``alice``, a project."""

    def __init__(self) -> None:
        """Create it; the paths of sockets must be short."""
        self.folder = Path(tempfile.mkdtemp())
        self.state = self.folder / "state"
        self.settings = self.folder / "companion"
        self.state.mkdir(mode=0o700)
        (self.state / "tls").mkdir(mode=0o700)
        (self.state / "tls" / "root.pem").write_bytes(ROOT.certificate_pem)
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        self.machine()
        self.key = masterkey.make(random)
        self.configure()
        migrated(self.state / "semaphore.db")
        self.conn = self.connect()
        make_user(self.conn, "root", admin=True)
        alice = make_user(self.conn, "alice")
        make_project(self.conn, alice, "Site")

    def machine(
        self,
        links: Sequence[Any] = (),
        routes: Sequence[Any] = (),
        routes6: Sequence[Any] = (),
        connections: Sequence[str] = (),
    ) -> None:
        """Set the output of ``ip`` and ``ss``, independent of this machine."""
        lists = {"links": links, "routes": routes, "routes6": routes6}
        for name, value in lists.items():
            (self.folder / name).write_text(json.dumps(list(value)))
        lines = "".join(f"0 0 192.0.2.1:22 {each}\n" for each in connections)
        (self.folder / "connections").write_text(lines)
        for name, text in (("ip", _IP), ("ss", _SS)):
            program = self.programs / name
            program.write_text(text.replace("FOLDER", str(self.folder)))
            program.chmod(0o755)

    @property
    def path(self) -> str:
        """The search path of programs, with the ``ip`` of :meth:`machine`."""
        return f"{self.programs}{os.pathsep}{os.environ['PATH']}"

    def configure(self, **options: Any) -> None:
        """Write the configuration, with *options*."""
        path = self.state / "config.json"
        vpn = {"socket": str(self.folder / "vpn.sock"), **options.pop("vpn", {})}
        path.write_text(
            json.dumps({"access_key_encryption": self.key, "vpn": vpn, **options})
        )
        path.chmod(0o600)

    def connect(self) -> Connection:
        """Open the store, as a server that runs at the same time does."""
        return connect(self.state / "semaphore.db", now=utc_now, entropy=os.urandom)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run ``semaphore vpn`` with *words*; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        at = words.index("--") if "--" in words else len(words)
        words = (*words[:at], "--state", str(self.state), *words[at:])
        before, os.environ["PATH"] = os.environ["PATH"], self.path
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(["vpn", *words])
            except SystemExit as error:
                code = int(error.code or 0)
            finally:
                os.environ["PATH"] = before
        return code, out.getvalue(), err.getvalue()

    def remove(self) -> None:
        """Remove all files."""
        self.conn.close()
        shutil.rmtree(self.folder)


class VpnCase(SynchronousTestCase):
    """Base class with an installation, and checks of the output of commands."""

    def setUp(self) -> None:
        """Create the installation."""
        umask = os.umask(0)  # modes must not depend on the umask
        self.addCleanup(os.umask, umask)
        self.site = Installed()
        self.addCleanup(self.site.remove)

    def done(self, *words: str) -> str:
        """Run a command that must succeed; return its output."""
        code, out, err = self.site.run(*words)
        self.assertEqual(code, 0, err + out)
        return out

    def refused(self, *words: str, code: int = 1) -> str:
        """Run a command that must fail; return its one line of errors."""
        found, _, err = self.site.run(*words)
        self.assertEqual(found, code, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertNotIn("Traceback", err)
        return err

    def init(self, *words: str) -> str:
        """Run ``vpn init``."""
        folder = str(self.site.settings)
        return self.done("init", "--vpn-settings", folder, *words)

    def set_up(self) -> None:
        """Set the VPN up."""
        self.init("--endpoint", "vpn.example.net", "--site", "lan=10.20.0.0/16")

    def add(self, name: str, *words: str) -> dict[str, Any]:
        """Add a peer with a key of its own; return its JSON."""
        public = keys.format(key_pairs.new_pair(os.urandom).public_key)
        text = self.done("peer", "add", name, "--public-key", public, "--json", *words)
        return dict(json.loads(text))

    def events(self) -> str:
        """Return the texts of all events."""
        rows = self.site.conn.raw.execute("SELECT description FROM event ORDER BY id")
        return "\n".join(text for (text,) in rows)

    def companion(self, respond: Respond) -> ScriptedCompanion:
        """Start a companion on the configured socket."""
        made = ScriptedCompanion(respond)
        made.start()
        self.addCleanup(made.stop)
        self.site.configure(vpn={"socket": str(made.path)})
        return made
