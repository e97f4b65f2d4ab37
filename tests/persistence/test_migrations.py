"""Migrations: whole or not at all, and to the schema that the program has."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.apps import BUILT_IN
from semaphore_twisted.operations import apps
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import (
    VERSIONS,
    MigrationFailed,
    NewerStore,
    migrate,
    pending,
)
from semaphore_twisted.persistence.task_texts import SPAN
from tests.support.memory import (
    Entropy,
    FixedClock,
    make_project,
    make_session,
    make_user,
    memory_connection,
)
from tests.support.tasks import make_task, make_template

#: The steps that there are.
ALL = [
    "0001_initial",
    "0002_vpn",
    "0003_client_certificates",
    "0004_limits_and_identity",
    "0005_key_usage",
    "0006_task_indexes",
    "0007_event_actions",
    "0008_object_events",
    "0009_checks",
    "0010_results",
    "0011_used_inventory",
    "0012_key_use",
    "0013_schedules",
    "0014_integrations",
    "0015_templates",
    "0016_approvals",
    "0017_plans",
    "0018_states",
    "0019_apps",
    "0020_token_scopes",
    "0021_rescued_states",
    "0022_task_texts",
]

#: The last of them, and the one after it.
_LAST = ALL[-1][:4]
_NEXT = f"{int(_LAST) + 1:04}"

_SECOND = f'''
"""A second step, that copies a table and adds a column."""

import sqlalchemy as sa
from alembic import op

revision = "{_NEXT}"
down_revision = "{_LAST}"


def upgrade() -> None:
    """Copy ``user``, whose rows have children."""
    op.execute("UPDATE user SET name = name || '!'")
    with op.batch_alter_table("user", recreate="always") as batch:
        batch.add_column(sa.Column("pet", sa.Text(), nullable=True))
'''

_BROKEN = f'''
"""A step that leaves references to nothing."""

from alembic import op

revision = "{_NEXT}"
down_revision = "{_LAST}"


def upgrade() -> None:
    """Take away what others refer to."""
    op.execute("DELETE FROM user")
'''

_FAULTY = f'''
"""A step that fails after a change."""

from alembic import op

revision = "{_NEXT}"
down_revision = "{_LAST}"


def upgrade() -> None:
    """Change something, then fail."""
    op.execute("DELETE FROM session")
    op.execute("UPDATE nothing SET x = 1")
'''

_KILLED = """
import os, signal, sys
from pathlib import Path
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate

left = int(sys.argv[2])

def watch(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Path(sys.argv[1]), utc_now, watch=watch)
"""


_DEFAULT = re.compile(r"(?<=DEFAULT )\(('[^']*')\)")
_NAMED = re.compile(r'(CREATE TABLE) "(\w+)"')
_ADDED = re.compile(r", (?=\w+ (?:INTEGER|TEXT|BLOB)\b)")


def _schema(raw: sqlite3.Connection) -> dict[str, list[str]]:
    """Return each table's definition; the order of constraints says nothing.

    Neither do quotes around a name, parentheses around a default, and whether a column
    was added later, which puts it into the line of the one before it.
    """
    rows = raw.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {
        name: sorted(
            _NAMED.sub(r"\1 \2", _DEFAULT.sub(r"\1", line.strip().rstrip(",")))
            for line in _ADDED.sub(",\n", sql).splitlines()
        )
        for name, sql in rows
        if name != "alembic_version"
    }


class _Interrupted(Exception):
    """Stands for the end of the process."""


class MigrationTests(SynchronousTestCase):
    """On files."""

    def setUp(self) -> None:
        """Choose a file that is not there yet."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "semaphore.db"
        with closing(memory_connection().raw) as raw:
            self.wanted = _schema(raw)

    def schema(self) -> dict[str, list[str]]:
        """Return the file's schema."""
        with closing(sqlite3.connect(self.path)) as raw:
            return _schema(raw)

    def versions(self, second: str) -> Path:
        """Return a folder of steps with one more."""
        folder = self.folder / "versions"
        folder.mkdir()
        for name in ALL:
            shutil.copy(VERSIONS / f"{name}.py", folder)
        (folder / f"{_NEXT}_second.py").write_text(second)
        return folder

    def migrate_to(self, steps: list[str]) -> None:
        """Make a database of an older release, which has only *steps*."""
        folder = self.folder / "before"
        folder.mkdir()
        for name in steps:
            shutil.copy(VERSIONS / f"{name}.py", folder)
        migrate(self.path, utc_now, versions=folder)

    def test_empty(self) -> None:
        """An upgraded empty database has the schema that the program has."""
        self.assertEqual(pending(self.path), ALL)
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        self.assertEqual(pending(self.path), [])

    def test_private(self) -> None:
        """Only the owner can read the file, under any umask."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        migrate(self.path, utc_now)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_nothing_to_do(self) -> None:
        """A database of this version is left alone, and no copy is made."""
        migrate(self.path, utc_now)
        before = self.path.read_bytes()
        migrate(self.path, utc_now)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(
            [each.name for each in self.folder.iterdir()], ["semaphore.db"]
        )

    def test_interrupted_at_each_statement(self) -> None:
        """An end at any statement leaves a database that the next start makes.

        Each 41st statement is tried: all are in one transaction.
        """
        statements = 0
        while True:
            left = [statements]

            def watch(statement: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise _Interrupted

            try:
                migrate(self.path, utc_now, watch=watch)
            except _Interrupted:
                self.assertEqual(pending(self.path), ALL)
                statements += 41
            else:
                break
        self.assertGreater(statements, 40)
        self.assertEqual(self.schema(), self.wanted)

    def test_killed(self) -> None:
        """Kill -9 in the middle leaves a database that the next start makes."""
        for statement in (3, 30):
            ended = subprocess.run(
                [sys.executable, "-c", _KILLED, str(self.path), str(statement)],
                check=False,
                timeout=60,
            )
            self.assertEqual(ended.returncode, -signal.SIGKILL)
            self.assertEqual(pending(self.path), ALL)
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)

    def test_newer(self) -> None:
        """A database of a newer program is refused and left alone."""
        migrate(self.path, utc_now)
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute("UPDATE alembic_version SET version_num = '0999'")
        before = self.path.read_bytes()
        error = self.assertRaises(NewerStore, migrate, self.path, utc_now)
        self.assertIn("0999", error.message)
        self.assertIn(ALL[-1][:4], error.message)
        self.assertEqual(self.path.read_bytes(), before)

    def test_somebody_elses(self) -> None:
        """A database of another program, and no database, are refused."""
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute("CREATE TABLE notes (x)")
        self.assertRaises(NewerStore, migrate, self.path, utc_now)
        self.path.write_bytes(b"this is text, and no database at all" * 40)
        self.assertRaises(NewerStore, migrate, self.path, utc_now)

    def fill(self) -> None:
        """Make a database of the first version, with a user who has children."""
        migrate(self.path, utc_now)
        conn = connect(self.path, now=FixedClock(), entropy=Entropy())
        with closing(conn.raw):
            user = make_user(conn)
            make_project(conn, user)
            make_session(conn, user)

    def counts(self, path: Path) -> tuple[int, ...]:
        """Count users, sessions and members."""
        with closing(sqlite3.connect(path)) as raw:
            return tuple(
                raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("user", "session", "project__user")
            )

    def test_children_survive(self) -> None:
        """A step that copies a table keeps the rows that refer to it."""
        self.fill()
        migrate(self.path, utc_now, versions=self.versions(_SECOND))
        self.assertEqual(self.counts(self.path), (1, 1, 1))
        with closing(sqlite3.connect(self.path)) as raw:
            found = raw.execute("SELECT name, pet FROM user").fetchall()
        self.assertEqual(found, [("Alice!", None)])

    def test_numbers(self) -> None:
        """A number that a deleted repository had is not given again afterwards."""
        self.migrate_to(ALL[:2])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute(
                "INSERT INTO sqlite_sequence VALUES ('project__repository', 41)"
            )
        migrate(self.path, utc_now)
        with closing(sqlite3.connect(self.path)) as raw:
            found = raw.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'project__repository'"
            ).fetchall()
        self.assertEqual(found, [(41,)])

    def test_used_inventories(self) -> None:
        """A task of an older release stays, and no inventory is invented for it."""
        self.migrate_to(ALL[:10])
        conn = connect(self.path, now=FixedClock(), entropy=Entropy())
        with closing(conn.raw):
            project = make_project(conn, make_user(conn))
            template = make_template(conn, project)
            task = make_task(conn, project, template)
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            found = raw.execute("SELECT id, used_inventory_id FROM task").fetchall()
            last = raw.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'task'"
            ).fetchone()
        self.assertEqual((found, last), ([(task, None)], (task,)))

    def test_task_texts(self) -> None:
        """The tasks of an older release are in the text index, and leave it."""
        self.migrate_to(ALL[: ALL.index("0022_task_texts")])
        conn = connect(self.path, now=FixedClock(), entropy=Entropy())
        with closing(conn.raw):
            project = make_project(conn, make_user(conn))
            template = make_template(conn, project)
            task = make_task(conn, project, template, message="Replace the pump")
        migrate(self.path, utc_now)
        search = """SELECT rowid FROM task__texts WHERE task__texts MATCH '"pum"'"""
        with closing(sqlite3.connect(self.path)) as raw, raw:
            found = raw.execute(search).fetchall()
            self.assertEqual(found, [(project.id * SPAN + task,)])
            raw.execute("DELETE FROM task")
            self.assertEqual(raw.execute(search).fetchall(), [])

    def test_keys(self) -> None:
        """Keys stay with their numbers, and nothing is said about their last use."""
        self.migrate_to(ALL[: ALL.index("0012_key_use")])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute(
                "INSERT INTO project (id, uuid, created, name)"
                " VALUES (1, 'a', 'b', 'P')"
            )
            raw.executemany(
                "INSERT INTO access_key (id, uuid, name, type, project_id, last_used)"
                " VALUES (?, ?, ?, 'none', 1, '2026-01-01T00:00:00.000000Z')",
                [(7, "seven", "Kept"), (9, "nine", "Deleted")],
            )
            raw.execute("DELETE FROM access_key WHERE id = 9")
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            found = raw.execute(
                "SELECT id, name, last_used, last_used_by FROM access_key"
            ).fetchall()
            last = raw.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'access_key'"
            ).fetchone()
        self.assertEqual(found, [(7, "Kept", "2026-01-01T00:00:00.000000Z", None)])
        self.assertEqual(last, (9,))

    def test_names(self) -> None:
        """Names that differ in case only go on, each under its own."""
        self.migrate_to(ALL[:3])
        names = ("Alice", "alice", "ALICE", "bob", "Ｂob", "Zoë", "Zoe\u0308", "plain")  # noqa: RUF001
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.executemany(
                "INSERT INTO user (created, username, name, email, password)"
                " VALUES ('2026-01-01T00:00:00.000000Z', ?, 'N', ?, ?)",
                [(name, f"{name}@Example.com", f"hash of {name}") for name in names],
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        conn = connect(self.path, now=FixedClock(), entropy=Entropy())
        with closing(conn.raw):
            for typed, owner in (
                *((name, name) for name in names),
                *((f"{name}@Example.com", name) for name in names),
                ("aLICE", "alice"),
                ("BOB", "bob"),
                ("zoë", "Zoë"),
                ("plain@example.com", "plain"),
            ):
                found = users.credentials_of(conn, typed)
                assert found is not None, typed
                self.assertEqual(found.password, f"hash of {owner}", typed)
            ids = conn.column(select(schema.user.c.id).order_by(schema.user.c.id))
            self.assertEqual(ids, [*range(1, len(names) + 1)])

    def test_apps(self) -> None:
        """Templates of an older database keep their apps; no settings are stored."""
        self.migrate_to(ALL[: ALL.index("0019_apps")])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.executescript(
                """
                INSERT INTO project (id, uuid, created, name)
                    VALUES (1, 'u', '2026-01-01T00:00:00.000000Z', 'P');
                INSERT INTO access_key (id, uuid, name, type, project_id)
                    VALUES (1, 'k', 'K', 'none', 1);
                INSERT INTO project__repository (id, project_id, name, git_url,
                    ssh_key_id) VALUES (1, 1, 'R', '/r', 1);
                INSERT INTO project__template (id, project_id, name, app,
                    repository_id) VALUES (3, 1, 'T', 'python', 1);
                """
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        conn = connect(self.path, now=FixedClock(), entropy=Entropy())
        with closing(conn.raw):
            self.assertEqual(apps.stored(conn), {})
            self.assertEqual(apps.table(conn), BUILT_IN)
            used = conn.column(select(schema.template.c.app))
        self.assertEqual(used, ["python"])

    def test_templates(self) -> None:
        """A template keeps its vault password, and a view its place."""
        self.migrate_to(ALL[: ALL.index("0015_templates")])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.executescript(
                """
                INSERT INTO project (id, uuid, created, name)
                    VALUES (1, 'u', '2026-01-01T00:00:00.000000Z', 'P');
                INSERT INTO access_key (id, uuid, name, type, project_id)
                    VALUES (1, 'k', 'K', 'login_password', 1);
                INSERT INTO project__repository (id, project_id, name, git_url,
                    ssh_key_id) VALUES (1, 1, 'R', '/r', 1);
                INSERT INTO project__view (id, project_id, title, position)
                    VALUES (4, 1, 'V', 7);
                INSERT INTO project__template (id, project_id, name, repository_id,
                    view_id) VALUES (3, 1, 'T', 1, 4);
                INSERT INTO project__template_vault (id, project_id, template_id,
                    vault_key_id, name) VALUES (9, 1, 3, 1, 'prod');
                DELETE FROM project__view WHERE id = 5;
                UPDATE sqlite_sequence SET seq = 8 WHERE name = 'project__view';
                """
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            vaults = raw.execute("SELECT * FROM project__template_vault").fetchall()
            views = raw.execute(
                "SELECT id, title, position, hidden, type FROM project__view"
            ).fetchall()
            kept = raw.execute("SELECT view_id FROM project__template").fetchall()
            last = raw.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'project__view'"
            ).fetchall()
        self.assertEqual(vaults, [(9, 1, 3, 1, "prod", "password", None)])
        self.assertEqual(views, [(4, "V", 7, 0, "")])
        self.assertEqual((kept, last), ([(4,)], [(8,)]))

    def test_tokens(self) -> None:
        """A token keeps its end and may do all that it could."""
        self.migrate_to(ALL[: ALL.index("0020_token_scopes")])
        time = "2026-01-01T00:00:00.000000Z"
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute(
                "INSERT INTO user (id, created, username, name, email, password)"
                f" VALUES (1, '{time}', 'alice', 'Alice', 'a@example.com', '')"
            )
            raw.execute(
                "INSERT INTO user__token (digest, prefix, user_id, name, created,"
                f" expires) VALUES ('d', 'p', 1, 'ci', '{time}', NULL)"
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            rows = raw.execute("SELECT * FROM user__token").fetchall()
        self.assertEqual(rows, [("d", "p", 1, "ci", time, None, 0, None)])

    def test_rescued_states(self) -> None:
        """A state of before was stored by Terraform, and not rescued."""
        self.migrate_to(ALL[: ALL.index("0021_rescued_states")])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.executescript(
                """
                INSERT INTO project (id, uuid, created, name)
                    VALUES (1, 'u', '2026-01-01T00:00:00.000000Z', 'P');
                INSERT INTO project__inventory (id, project_id, name, inventory, type)
                    VALUES (5, 1, 'W', 'prod', 'terraform-workspace');
                INSERT INTO project__terraform_inventory_state (uuid, project_id,
                    inventory_id, created, serial, lineage, size, outputs, secret,
                    content) VALUES ('s', 1, 5, 'now', 1, 'l', 1, '[]', 'v', x'00');
                """
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            rows = raw.execute(
                "SELECT serial, content, rescued"
                " FROM project__terraform_inventory_state"
            ).fetchall()
        self.assertEqual(rows, [(1, b"\0", 0)])

    def test_copy(self) -> None:
        """Before an upgrade a private copy is kept."""
        self.fill()
        migrate(self.path, utc_now, versions=self.versions(_SECOND))
        copy = self.folder / f"semaphore.db.before-{_NEXT}_second"
        self.assertEqual(self.counts(copy), (1, 1, 1))
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertEqual(pending(copy), [])

    def test_interrupted_upgrade(self) -> None:
        """An upgrade that ends at any statement is done whole the next time."""
        self.fill()
        versions = self.versions(_SECOND)
        for count in range(100):
            left = [count]

            def watch(statement: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise _Interrupted

            try:
                migrate(self.path, utc_now, versions=versions, watch=watch)
            except _Interrupted:
                self.assertEqual(
                    pending(self.path, versions=versions), [f"{_NEXT}_second"]
                )
                self.assertEqual(self.counts(self.path), (1, 1, 1))
            else:
                break
        with closing(sqlite3.connect(self.path)) as raw:
            found = raw.execute("SELECT name FROM user").fetchall()
        self.assertEqual(found, [("Alice!",)])

    def test_broken_references(self) -> None:
        """A step that leaves references to nothing is undone and named."""
        self.fill()
        error = self.assertRaises(
            MigrationFailed,
            migrate,
            self.path,
            utc_now,
            versions=self.versions(_BROKEN),
        )
        self.assertIn("session", error.message)
        self.assertEqual(self.counts(self.path), (1, 1, 1))

    def test_faulty_step(self) -> None:
        """A step that fails is undone; the message has its statement."""
        self.fill()
        error = self.assertRaises(
            MigrationFailed,
            migrate,
            self.path,
            utc_now,
            versions=self.versions(_FAULTY),
        )
        self.assertIn("UPDATE nothing", error.message)
        self.assertEqual(self.counts(self.path), (1, 1, 1))
        self.assertEqual(pending(self.path), [])

    def test_states(self) -> None:
        """A key store of before opens, and a workspace can get a state."""
        self.migrate_to(ALL[: ALL.index("0018_states")])
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.executescript(
                """
                INSERT INTO project (id, uuid, created, name)
                    VALUES (1, 'u', '2026-01-01T00:00:00.000000Z', 'P');
                INSERT INTO project__inventory (id, project_id, name, inventory, type)
                    VALUES (5, 1, 'W', 'prod', 'terraform-workspace');
                """
            )
        migrate(self.path, utc_now)
        self.assertEqual(self.schema(), self.wanted)
        with closing(sqlite3.connect(self.path)) as raw:
            raw.execute("PRAGMA foreign_keys=ON")
            raw.execute(
                "INSERT INTO project__terraform_inventory_state (uuid, project_id,"
                " inventory_id, created, serial, lineage, size, outputs, secret,"
                " content) VALUES ('s', 1, 5, 'now', 1, 'l', 1, '[]', 'v', x'00')"
            )
            raw.execute("DELETE FROM project WHERE id = 1")
            left = raw.execute(
                "SELECT count(*) FROM project__terraform_inventory_state"
            ).fetchone()
        self.assertEqual(left, (0,))
