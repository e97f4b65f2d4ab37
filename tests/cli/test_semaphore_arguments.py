"""Semaphore's command lines ``user``, ``vault`` and ``project``, and their results.

Each row is a command line as Semaphore's manual or help has it, in the order in which a
script would use them.
"""

import io
import json
import os
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.persistence.engine import connect, utc_now
from tests.support.memory import make_project, make_user
from tests.support.store import migrated

_NEW = "--login new --name New --email new@example.com"

#: A command line, its exit code, and words of what it prints: on standard output if it
#: is served, and else on standard error, where they name what is refused.
ROWS = (
    ("user", 0, "usage: semaphore user"),
    ("users", 0, "usage: semaphore user"),
    (f"user add --admin {_NEW} --password=long-enough", 0, "<new@example.com> added!"),
    (
        "user add --external --login ext --name Ext --email ext@example.com",
        0,
        "User ext <ext@example.com> added!",
    ),
    (f"users add {_NEW}x --external --password long-enough", 2, "not allowed with"),
    (f"user add {_NEW}x", 2, "--password-file --password --external"),
    ("user add --login x", 2, "--name, --email"),
    ("user list", 0, "new@example.com"),
    ("user list --log-level DEBUG", 0, "ext@example.com"),
    ("--log-level=ERROR user list", 0, "ext@example.com"),
    ("--no-config user list", 1, "--no-config"),
    ("user list --no-config", 1, "--no-config"),
    ("user get --login new", 0, "Email: new@example.com"),
    ("user get --email new@example.com", 0, "Login: new"),
    ("user get", 2, "--login --email"),
    ("user get --login nobody", 1, '"nobody"'),
    (
        "user change-by-login --login new --name Newer --email newer@example.com"
        " --password long-enough-2 --admin",
        0,
        "User new <newer@example.com> changed!",
    ),
    ("user change-by-login --name X", 1, "--login"),
    (
        "user change-by-email --email newer@example.com --login newer --name Newest",
        0,
        "User newer <newer@example.com> changed!",
    ),
    ("user change-by-email --name X", 1, "--email"),
    ("user token", 0, "usage: semaphore user token"),
    ("user token create --login newer --name ci --ttl 1h30m", 0, "="),
    ("user token create --login newer", 0, "="),
    ("user token create --login newer --ttl soon", 1, '"soon"'),
    ("user token create --name ci", 2, "--login"),
    ("user token list --login newer", 0, "ci"),
    ("user totp", 1, "user totp: second factors"),
    ("user totp enable --login newer", 1, "user totp: second factors"),
    ("user totp show --login newer", 1, "user totp: second factors"),
    ("user totp disable --login newer", 1, "user totp: second factors"),
    ("user delete --login newer", 1, "--yes"),
    ("user delete --login newer --yes", 0, "User newer <newer@example.com> deleted!"),
    ("user delete --email ext@example.com --yes", 0, "deleted!"),
    ("user delete", 2, "--login --email"),
    ("vault", 0, "usage: semaphore vault"),
    ("vaults", 0, "usage: semaphore vault"),
    ("vault check", 0, "of 0 stored secrets"),
    (f"vault rekey --old-key {b64encode(bytes(32)).decode()}", 0, "Nothing to do"),
    ("vault rekey", 0, "Nothing to do"),
    ("vaults rekey --backup keys.jsonl", 1, "--backup"),
    ("vault rekey --rollback keys.jsonl", 1, "--rollback"),
    ("vault rekey --rollback", 1, "--rollback"),
    ("project", 0, "usage: semaphore project"),
    ("projects", 0, "usage: semaphore project"),
    ("project export --project-id 1", 0, '"name": "Ops"'),
    ("project export --project_id 1", 0, '"name": "Ops"'),
    ("project export --project_name ops --file {}/ops.backup", 0, "ops.backup"),
    ("projects export --project-name OPS", 0, '"name": "Ops"'),
    ("project export", 2, "--project-id"),
    ("project export --project_id 1 --project_name Ops", 2, "not allowed with"),
    ("project import --file {}/ops.backup", 0, '"Ops"'),
    ("project import --file {}/ops.backup --project_name Again", 0, '"Again"'),
    ("project import --dir {}", 0, "ops.backup"),
    ("project import --dir {} --project_name X", 1, "--project-name"),
    ("project import", 2, "--file --dir"),
)


class SemaphoreArgumentTests(SynchronousTestCase):
    """Each row, on one installation."""

    def setUp(self) -> None:
        """Make an installation with an administrator and a project."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir(mode=0o700)
        self.files = self.state / "files"
        self.files.mkdir()
        config = {"access_key_encryption": b64encode(bytes(range(32))).decode()}
        self.config = self.state / "config.json"
        self.config.write_text(json.dumps(config))
        migrated(self.state / "semaphore.db")
        conn = connect(self.state / "semaphore.db", now=utc_now, entropy=os.urandom)
        make_project(conn, make_user(conn, "root", admin=True), "Ops")
        conn.close()

    def run_line(self, line: str) -> tuple[int, str, str]:
        """Run a command line; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        words = line.replace("{}", str(self.files)).split()
        if (
            len(words) > 1 and words[:2] not in (["user", "token"], ["user", "totp"])
        ) or (len(words) > 2 and words[1] == "token"):
            words += ["--state", str(self.state)]
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as error:
                code = int(error.code or 0)
        return code, out.getvalue(), err.getvalue()

    def test_rows(self) -> None:
        """Each is served, or refused with a sentence that names what is refused."""
        for line, code, words in ROWS:
            found, out, err = self.run_line(line)
            self.assertEqual(found, code, f"{line}: {err or out}")
            told = out if code == 0 else " ".join(err.split()).replace(" | ", " ")
            self.assertIn(words, told, line)
            if code == 1:
                self.assertEqual(out, "", line)
                (sentence,) = [
                    each for each in err.splitlines() if "warning:" not in each
                ]
                self.assertTrue(sentence.startswith("semaphore: "), sentence)

    def test_config_before(self) -> None:
        """The configuration may stand before the command, as in units and images."""
        for before in (("--config", str(self.config)), (f"--config={self.config}",)):
            out = io.StringIO()
            with redirect_stdout(out):
                code = main([*before, "user", "list", "--state", str(self.state)])
            self.assertEqual(code, 0)
            self.assertIn("root", out.getvalue())
