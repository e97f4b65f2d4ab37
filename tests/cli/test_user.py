"""``semaphore user``, on an installation in a folder."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.cli.user import duration
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto.passwords import verify
from semaphore_twisted.crypto.tokens import digest
from semaphore_twisted.model.users import (
    Access,
    Actor,
    Credentials,
    Demand,
    TokenScope,
)
from semaphore_twisted.operations import access
from semaphore_twisted.operations.accounts import tokens, users
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from tests.support.memory import make_project, make_session, make_token, make_user
from tests.support.store import migrated


class UserTests(SynchronousTestCase):
    """Each command, as it is typed."""

    def setUp(self) -> None:
        """Make an installation with one administrator."""
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir(mode=0o700)
        (self.state / "config.json").write_text("{}")
        migrated(self.state / "semaphore.db")
        self.conn = self.connect()
        make_user(self.conn, "root", admin=True)
        umask = os.umask(0o077)
        self.addCleanup(os.umask, umask)

    def connect(self) -> Connection:
        """Open the store, as a server that runs at the same time."""
        conn = connect(self.state / "semaphore.db", now=utc_now, entropy=os.urandom)
        self.addCleanup(conn.close)
        return conn

    def run_command(self, *words: str, command: str = "user") -> tuple[int, str, str]:
        """Run a command; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main([command, *words, "--state", str(self.state)])
            except SystemExit as error:
                code = int(error.code or 0)
        return code, out.getvalue(), err.getvalue()

    def secret(self, text: str) -> str:
        """Return the path of a file with *text*."""
        path = self.state / "secret.txt"
        path.write_text(text + "\n")
        return str(path)

    def add(self, *words: str) -> tuple[int, str, str]:
        """Add Bob."""
        return self.run_command(
            "add",
            *("--login", "Bob", "--name", "Bob B.", "--email", "bob@example.com"),
            *("--password-file", self.secret("hunter22")),
            *words,
        )

    def test_add(self) -> None:
        """An account is created with the password in a file, while a server runs."""
        self.assertEqual(self.add(), (0, "User Bob <bob@example.com> added!\n", ""))
        found = users.credentials_of(self.conn, "bob")
        assert found is not None
        self.assertTrue(verify("hunter22", found.password))
        user = users.find(self.conn, "bob")
        assert user is not None
        self.assertFalse(user.admin)

    def test_add_administrator(self) -> None:
        """``--admin`` makes an administrator."""
        self.add("--admin")
        user = users.find(self.conn, "bob")
        assert user is not None
        self.assertTrue(user.admin)

    def test_add_twice(self) -> None:
        """A used login is one line on stderr and exit code 1."""
        self.add()
        code, out, err = self.add()
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("another user", err)

    def test_password_in_argv(self) -> None:
        """The password as an argument works, and warns."""
        code, _, err = self.run_command(
            "add",
            *("--login", "bob", "--name", "B", "--email", "b@example.com"),
            *("--password", "hunter22"),
        )
        self.assertEqual(code, 0)
        self.assertIn("warning", err)
        self.assertNotIn("hunter22", err)

    def test_password_is_needed(self) -> None:
        """An account without a password is not made, nor one with an empty one."""
        code, _, _ = self.run_command(
            "add", *("--login", "bob", "--name", "B", "--email", "b@example.com")
        )
        self.assertEqual(code, 2)
        self.secret("")
        code, _, err = self.run_command(
            "add",
            *("--login", "bob", "--name", "B", "--email", "b@example.com"),
            *("--password-file", self.secret("")),
        )
        self.assertEqual(code, 1)
        self.assertIn("empty", err)

    def test_list(self) -> None:
        """Accounts are listed during a server's write, by both names of the command."""
        self.add()
        self.run_command("disable", "--login", "bob")
        with self.conn.transaction(write=True):
            for command in ("user", "users"):
                code, out, _ = self.run_command("list", command=command)
                self.assertEqual(code, 0)
                self.assertEqual(
                    out,
                    "LOGIN  EMAIL             NAME    NOTES\n"
                    "Bob    bob@example.com   Bob B.  disabled\n"
                    "root   root@example.com  Root    admin\n",
                )

    def test_get(self) -> None:
        """An account is shown by login or address."""
        for words in (("--login", "ROOT"), ("--email", "root@example.com")):
            code, out, _ = self.run_command("get", *words)
            self.assertEqual(code, 0)
            self.assertIn("Login: root\n", out)
            self.assertIn("Admin: true\n", out)

    def test_nobody(self) -> None:
        """An account that does not exist is named, and so is the wrong kind of name."""
        for words in (
            ("get", "--login", "nobody"),
            ("delete", "--login", "nobody", "--yes"),
            ("change-by-login", "--login", "nobody", "--name", "x"),
            ("get", "--login", "root@example.com"),
            ("change-by-email", "--email", "root", "--name", "x"),
        ):
            code, out, err = self.run_command(*words)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(words[2], err)

    def test_change(self) -> None:
        """An account is changed by login and by address."""
        self.add()
        code, _, _ = self.run_command(
            "change-by-login",
            *("--login", "bob", "--name", "Robert", "--email", "r@example.com"),
            "--admin",
        )
        self.assertEqual(code, 0)
        user = users.find(self.conn, "bob")
        assert user is not None
        self.assertEqual(
            (user.name, user.email, user.admin), ("Robert", "r@example.com", True)
        )
        code, _, _ = self.run_command(
            "change-by-email",
            *("--email", "r@example.com", "--login", "robert", "--no-admin"),
        )
        self.assertEqual(code, 0)
        user = users.find(self.conn, "robert")
        assert user is not None
        self.assertEqual((user.name, user.admin), ("Robert", False))
        self.run_command("change-by-login", "--login", "robert", "--new-login", "bob")
        self.assertIsNotNone(users.find(self.conn, "bob"))

    def test_change_password(self) -> None:
        """Another password ends sessions; the first password's file goes."""
        first = self.state / "initial-admin-password"
        first.write_text("x")
        root = users.find(self.conn, "root")
        assert root is not None
        make_session(self.conn, root)
        code, _, _ = self.run_command(
            "change-by-login",
            *("--login", "root", "--password-file", self.secret("new one!")),
        )
        self.assertEqual(code, 0)
        found = users.credentials_of(self.conn, "root")
        assert found is not None
        self.assertTrue(verify("new one!", found.password))
        count = self.conn.raw.execute("SELECT count(*) FROM session").fetchone()
        self.assertEqual(count, (0,))
        self.assertFalse(first.exists())

    def test_tokens_left(self) -> None:
        """The number of valid tokens is printed, and they can be revoked."""
        root = users.find(self.conn, "root")
        assert root is not None
        for _ in range(2):
            make_token(self.conn, root)
        change = ("change-by-login", "--login", "root")
        code, out, _ = self.run_command(
            *change, "--password-file", self.secret("new one!")
        )
        self.assertEqual(code, 0)
        self.assertIn("2 API tokens stay valid; --revoke-tokens ends them", out)
        code, out, _ = self.run_command(
            *(*change, "--password-file", self.secret("new two!")), "--revoke-tokens"
        )
        self.assertEqual(code, 0)
        self.assertNotIn("valid", out)
        count = self.conn.raw.execute(
            f"SELECT count(*) FROM {schema.user_token.name}"
        ).fetchone()
        self.assertEqual(count, (0,))
        code, _, err = self.run_command(*change, "--revoke-tokens")
        self.assertEqual(code, 1)
        self.assertIn("--password is missing", err)

    def test_short_password(self) -> None:
        """A password of seven characters is not taken."""
        code, _, err = self.run_command(
            *("change-by-login", "--login", "root"),
            *("--password-file", self.secret("seven77")),
        )
        self.assertEqual(code, 1)
        self.assertIn("at least 8 characters", err)

    def test_last_administrator(self) -> None:
        """The last administrator is not lost."""
        for words in (
            ("delete", "--login", "root", "--yes"),
            ("disable", "--login", "root"),
            ("change-by-login", "--login", "root", "--no-admin"),
        ):
            code, _, err = self.run_command(*words)
            self.assertEqual(code, 1)
            self.assertIn("last administrator", err)

    def test_disable_and_delete(self) -> None:
        """An account is disabled, enabled and deleted."""
        self.add()
        self.run_command("disable", "--email", "bob@example.com")
        self.assertIsNone(users.credentials_of(self.conn, "bob"))
        self.run_command("enable", "--login", "bob")
        self.assertIsNotNone(users.credentials_of(self.conn, "bob"))
        code, out, err = self.run_command("delete", "--login", "bob")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("Delete the user Bob <bob@example.com>", err)
        self.assertIn("--yes", err)
        self.assertIsNotNone(users.find(self.conn, "bob"))
        code, _, _ = self.run_command("delete", "--login", "bob", "--yes")
        self.assertEqual(code, 0)
        self.assertIsNone(users.find(self.conn, "bob"))

    def test_token(self) -> None:
        """A token is printed once and holds; the list shows its beginning."""
        code, out, _ = self.run_command("token", "create", "--login", "root")
        self.assertEqual(code, 0)
        token = out.strip()
        self.assertEqual(len(token), 44)
        found = access.actor(
            self.conn,
            Credentials(token_digest=digest(token)),
            Demand(Access.ADMIN),
            None,
        )
        self.assertEqual(found.user.username, "root")
        code, out, _ = self.run_command("token", "list", "--login", "root")
        head, line = out.splitlines()
        self.assertEqual(
            head.split(), ["TOKEN", "CREATED", "EXPIRES", "NAME", "SCOPE", "NOTES"]
        )
        self.assertTrue(line.startswith(token[:8] + " "))
        self.assertIn("never", line)
        self.assertNotIn(token, out)

    def test_token_name(self) -> None:
        """The list shows what a token is for."""
        create = ("token", "create", "--login", "root", "--name", " deploy ")
        self.assertEqual(self.run_command(*create)[0], 0)
        _, out, _ = self.run_command("token", "list", "--login", "root")
        self.assertRegex(out.splitlines()[0], r"EXPIRES +NAME +SCOPE +NOTES")
        self.assertRegex(out.splitlines()[1], r"never +deploy +all rights of the acc")

    def test_refused_token_name(self) -> None:
        """A name that the API refuses is refused here too."""
        create = ("token", "create", "--login", "root", "--name")
        for name, said in (
            ("x" * 256, "name: 256 characters"),
            ("a\nb", "name: has a control character"),
        ):
            code, out, err = self.run_command(*create, name)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(said, err)
        root = users.find(self.conn, "root")
        assert root is not None
        self.assertEqual(tokens.list_tokens(self.conn, Actor(user=root)), [])

    def test_token_scope(self) -> None:
        """A token is made with a scope; its project is one of the account."""
        root = users.find(self.conn, "root")
        assert root is not None
        ops = make_project(self.conn, root, "Ops")
        twice = [make_project(self.conn, root, "Twice") for _ in range(2)]
        create = ("token", "create", "--login", "root")
        for words, scope in (
            (("--read-only",), TokenScope(read_only=True)),
            (("--project", "Ops"), TokenScope(project_id=ops.id)),
            (
                ("--read-only", "--project", str(twice[1].id)),
                TokenScope(read_only=True, project_id=twice[1].id),
            ),
        ):
            code, out, _ = self.run_command(*create, *words)
            self.assertEqual(code, 0)
            (made,) = [
                each
                for each in tokens.list_tokens(self.conn, Actor(user=root))
                if out.startswith(each.id)
            ]
            self.assertEqual(made.scope, scope)
            _, listed, _ = self.run_command("token", "list", "--login", "root")
            self.assertIn(tokens.described(scope), listed)
        for project in ("Twice", "Nothing", "999"):
            code, out, err = self.run_command(*create, "--project", project)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(f'--project: invalid value "{project}"', err)
            self.assertIn(f"{ops.id} (Ops)", err)

    def test_token_expiry(self) -> None:
        """The list shows the expiry of a token."""
        self.run_command("token", "create", "--login", "root", "--ttl", "90d")
        _, out, _ = self.run_command("token", "list", "--login", "root")
        ends = datetime.now(UTC) + timedelta(days=90)
        self.assertIn(f"{ends:%Y-%m-%d}", out)
        self.assertNotIn("expired", out)

    def test_same_rules(self) -> None:
        """Values that the API refuses are refused here too, in one line."""
        good = {
            "--login": "bob",
            "--name": "B",
            "--email": "b@example.com",
            "--password-file": self.secret("long enough"),
        }
        for option, value, named in (
            ("--login", "b b", "username"),
            ("--login", "\u0430dmin", "username"),
            ("--login", "x" * 256, "username"),
            ("--login", "\udcff", "username"),
            ("--email", "notmail", "email"),
            ("--email", "x" * 250 + "@example.com", "email"),
            ("--name", "x" * 256, "name"),
            ("--name", "a\x1b[31m", "name"),
            ("--name", "\udcff", "name"),
        ):
            words = [each for pair in {**good, option: value}.items() for each in pair]
            code, out, err = self.run_command("add", *words)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1), value)
            self.assertIn(named, err)
            code, _, err = self.run_command(
                "change-by-login",
                *("--login", "root"),
                *(("--new-login", value) if option == "--login" else (option, value)),
            )
            self.assertEqual((code, err.count("\n")), (1, 1), value)
        code, _, err = self.run_command("get", "--login", "\udcff")
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertEqual(len(users.list_users(self.conn, None)), 1)

    def test_token_of_disabled(self) -> None:
        """A disabled account gets no token."""
        self.add()
        self.run_command("disable", "--login", "bob")
        code, out, err = self.run_command("token", "create", "--login", "bob")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("disabled", err)

    def test_help(self) -> None:
        """The form of a secret with a file is shown first."""
        _, out, _ = self.run_command("add", "--help")
        self.assertLess(out.index("--password-file"), out.index("--password TEXT"))


class DurationTests(SynchronousTestCase):
    """Times of tokens."""

    def test_durations(self) -> None:
        """A number with a unit is a time."""
        self.assertEqual(duration("90d"), timedelta(days=90))
        self.assertEqual(duration("12h"), timedelta(hours=12))
        self.assertEqual(duration("1h30m"), timedelta(hours=1, minutes=30))
        self.assertEqual(duration("24h0m0s"), timedelta(days=1))
        self.assertEqual(duration("1.5h"), timedelta(minutes=90))

    def test_refused(self) -> None:
        """Anything else is refused, with an example."""
        for text in (
            "",
            "d",
            "0d",
            "-1d",
            "5",
            "5y",
            "1.5",
            "h30",
            "1h-30m",
            "0h0m",
            "9999999d",
            "\u0663d",
            "9" * 5000 + "d",
        ):
            error = self.assertRaises(CommandError, duration, text)
            self.assertIn("90d", error.sentence)
