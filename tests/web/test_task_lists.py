"""Cached lists of tasks: always what a fresh read returns, and limited in memory."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.common.byte_cache import ByteCache
from semaphore_twisted.model import limits
from semaphore_twisted.model.lists import Wanted
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations import lists
from semaphore_twisted.operations.projects import templates
from semaphore_twisted.operations.tasks import tasks as operations
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.web.http.responses import json
from semaphore_twisted.web.task_lists import TaskLists
from semaphore_twisted.web.template_lists import KnownTemplateList, TemplateLists
from tests.support.http import Answer, ApiClient, api_client, parse
from tests.support.memory import (
    BEGINNING,
    actor_of,
    make_member,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.store import migrated
from tests.support.tasks import make_task, make_template
from tests.support.threads import Inbox

#: Executes each line, a statement and its parameters, and answers each with a line.
_PROGRAM = """
import json, sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
conn.execute("PRAGMA foreign_keys=ON")
for line in sys.stdin:
    conn.execute(*json.loads(line)).fetchall()
    print(flush=True)
"""


class _OtherProcess:
    """A process with a connection of its own to the same database."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def execute(self, statement: str, *parameters: Any) -> None:
        """Execute *statement*; return when it has been executed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = msgspec.json.encode((statement, parameters))
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise AssertionError(f"the process has ended: {statement}")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class _Store(Database):
    """The database of a server, with a connection for the preparation of a test."""

    def __init__(self, path: Path, inbox: Inbox) -> None:
        super().__init__(path, reactor=inbox, now=utc_now, entropy=os.urandom)
        self.conn = connect(path, now=utc_now, entropy=os.urandom)


class FreshTests(SynchronousTestCase):
    """Whatever was committed before a request is in the answer, by any process."""

    def setUp(self) -> None:
        """Serve two projects with templates, tasks and members."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder)
        path = folder / "semaphore.db"
        migrated(path)
        self.inbox = Inbox()
        self.database = _Store(path, self.inbox)
        self.conn = self.database.conn
        self.addCleanup(self.conn.close)
        self.database.startService()
        self.addCleanup(lambda: self.inbox.wait(self.database.stopService()))
        self.other = _OtherProcess(path)
        self.addCleanup(self.other.close)
        self.users = [make_user(self.conn, name) for name in ("ann", "bob")]
        self.users.append(make_user(self.conn, "root", admin=True))
        self.projects = [make_project(self.conn, name=name) for name in ("P", "Q")]
        self.templates = []
        for project, user in zip(self.projects, self.users, strict=False):
            make_member(self.conn, project, user, Role.MANAGER)
            for number in range(2):
                template = make_template(self.conn, project, name=f"<{number}>")
                self.templates.append((project, template))
        for number in range(24):
            project, template = self.templates[number % 4]
            by = self.users[number % 2].id
            make_task(self.conn, project, template, user_id=by, message=f"{number}")
        site: Any = api_client(database=self.database)  # type: ignore[arg-type]
        self.clients: list[ApiClient] = [site.with_token(user) for user in self.users]
        self.random = random.Random(2026)

    def expected(self, project: Any, template: Any, count: int, before: int) -> bytes:
        """Return the answer as the way in batches produces it, without any cache."""
        actor = actor_of(self.users[0], project, Role.MANAGER)
        with self.conn.transaction(write=False):
            ids = operations.newest(
                self.conn, actor, template_id=template, count=count, before=before
            )
            rows, taken = operations.page(self.conn, actor, ids)
        self.assertEqual(taken, len(ids))
        return json(rows)

    def compare(self) -> None:
        """Compare all lists of all callers with fresh reads; twice, so also cached."""
        for _ in range(2):
            for place, (project, template) in enumerate(self.templates):
                before = self.random.choice((3, 17, operations.NEWEST))
                limit = self.random.choice((1, 5, 50))
                base = f"/api/project/{project.id}"
                query = f"last?limit={limit}&before={before}"
                asked = {
                    f"{base}/tasks": (None, 1000, operations.NEWEST),
                    f"{base}/tasks/{query}": (None, limit, before),
                    f"{base}/templates/{template}/tasks/{query}": (
                        template,
                        limit,
                        before,
                    ),
                }
                for url, sought in asked.items():
                    member = self.is_member(place // 2)
                    for client, sees in zip(self.clients, member, strict=True):
                        answer = client.get(url)
                        if sees:
                            self.assertEqual(answer.status, 200)
                            self.assertEqual(
                                answer.body, self.expected(project, *sought), url
                            )
                        else:
                            self.assertEqual((answer.status, answer.body), (404, b""))
            for place, project in enumerate(self.projects):
                self.compare_templates(project, self.is_member(place))

    def compare_templates(self, project: Any, member: list[bool]) -> None:
        """Compare the list of templates of all callers with a fresh read."""
        actor = actor_of(self.users[0], project, Role.MANAGER)
        with self.conn.transaction(write=False):
            wanted = Wanted(sort="app", descending=True)
            ids = lists.select(self.conn, actor, templates.ORDERS, wanted).ids
            rows, taken = templates.page(self.conn, actor, ids)
        self.assertEqual(taken, len(ids))
        url = f"/api/project/{project.id}/templates?sort=app&order=desc"
        for client, sees in zip(self.clients, member, strict=True):
            answer = client.get(url)
            if sees:
                self.assertEqual((answer.status, answer.body), (200, json(rows)))
            else:
                self.assertEqual((answer.status, answer.body), (404, b""))

    def is_member(self, place: int) -> list[bool]:
        """Return which of the three users sees the project with the index *place*."""
        project = self.projects[place].id
        rows = self.conn.raw.execute(
            "SELECT user_id FROM project__user WHERE project_id = ?", (project,)
        )
        members = {row[0] for row in rows}
        return [user.admin or user.id in members for user in self.users]

    def change(self) -> tuple[str, tuple[Any, ...]]:
        """Return a random statement that changes an answer, with its parameters."""
        choose = self.random.choice
        text = choose(("plain", "<&>", "\u2028 ü", '"\\', "x" * 3000, ""))
        project, template = choose(self.templates)
        task = "(SELECT id FROM task ORDER BY random() LIMIT 1)"
        changes: list[tuple[str, tuple[Any, ...]]] = [
            (
                f"UPDATE task SET status = ?, message = ? WHERE id = {task}",
                (choose([each.value for each in TaskStatus]), text),
            ),
            (
                "UPDATE project__template SET name = ?, app = ? WHERE id = ?",
                (text or "-", choose(("bash", "python")), template),
            ),
            ("UPDATE user SET name = ? WHERE id = ?", (text, choose(self.users).id)),
            (f"DELETE FROM task WHERE id = {task} AND id % 3 = 0", ()),
            (
                "INSERT INTO task (uuid, project_id, template_id, status, created,"
                " message) VALUES (?, ?, ?, 'waiting', '2026-01-01T00:00:00.000000Z',"
                " ?)",
                (str(self.random.random()), project.id, template, text),
            ),
            (f"UPDATE task SET user_id = NULL WHERE id = {task}", ()),
            (
                f"UPDATE task SET build_task_id = (SELECT min(id) FROM task)"
                f" WHERE id = {task} AND id % 5 = 0",
                (),
            ),
            ("UPDATE task SET build_task_id = NULL", ()),
            (
                "DELETE FROM project__user WHERE user_id = ?",
                (choose(self.users).id,),
            ),
            (
                "INSERT OR IGNORE INTO project__user (project_id, user_id, role)"
                " VALUES (?, ?, 'guest')",
                (project.id, choose(self.users).id),
            ),
            (f"UPDATE task SET params = '{{' WHERE id = {task} AND id % 4 = 0", ()),
        ]
        return choose(changes)

    def by_server(self, statement: str, parameters: tuple[Any, ...]) -> None:
        """Execute a statement in the server's writer thread."""

        def execute(conn: Connection) -> None:
            conn.raw.execute(statement, parameters)

        self.inbox.wait(self.database.write(execute))

    def by_other(self, statement: str, parameters: tuple[Any, ...]) -> None:
        """Execute a statement in the other process."""
        self.other.execute(statement, *parameters)

    def test_interleaved(self) -> None:
        """After each of many random changes each answer equals a fresh read."""
        self.compare()
        ways: list[Callable[..., None]] = [self.by_server, self.by_other]
        for _ in range(30):
            self.random.choice(ways)(*self.change())
            self.compare()

    def test_uncommitted(self) -> None:
        """A change is in no answer until its transaction is committed."""
        project, template = self.templates[0]
        url = f"/api/project/{project.id}/tasks"
        self.other.execute("BEGIN IMMEDIATE")
        self.other.execute(
            "UPDATE project__template SET name = 'New' WHERE id = ?", template
        )
        old = self.clients[0].get(url).json
        self.assertEqual({each["tpl_alias"] for each in old}, {"<0>", "<1>"})
        self.other.execute("COMMIT")
        new = self.clients[0].get(url).json
        self.assertEqual({each["tpl_alias"] for each in new}, {"New", "<1>"})
        self.compare()

    def test_rolled_back(self) -> None:
        """A transaction that is rolled back changes no answer."""
        self.compare()
        self.other.execute("BEGIN IMMEDIATE")
        self.other.execute("DELETE FROM task")
        self.compare()
        self.other.execute("ROLLBACK")
        self.compare()

    def test_rights(self) -> None:
        """A cached list is refused to a caller without a right to it."""
        project, _ = self.templates[0]
        url = f"/api/project/{project.id}/tasks"
        for _ in range(2):
            self.assertEqual([c.get(url).status for c in self.clients], [200, 404, 200])
        self.other.execute("UPDATE user SET active = 0 WHERE username = 'ann'")
        self.assertEqual([c.get(url).status for c in self.clients], [401, 404, 200])
        self.other.execute("DELETE FROM user__token")
        self.assertEqual([c.get(url).status for c in self.clients], [401, 401, 401])

    def answer(self, client: ApiClient, url: str) -> Answer:
        """Return the answer to a request that the reader's thread works for."""
        head = "\r\n".join(client.head_of("GET", url, {}))
        transport = client.send(f"{head}\r\n\r\n".encode())
        self.inbox.wait(self.database.long_read(Connection.version))  # the next one
        answer = parse(transport.value())
        client.hang_up(transport)
        client.check("GET", url, answer)
        return answer

    def test_many_templates(self) -> None:
        """A list that the reader's thread encodes has every commit before a request."""
        project = self.projects[0]
        for number in range(30):
            make_template(self.conn, project, name=f"many {number}")
        url = f"/api/project/{project.id}/templates"
        client = self.clients[0]
        names: set[str] = set()
        for number in range(6):
            name = f"changed {number}"
            self.other.execute(
                "UPDATE project__template SET name = ? WHERE name = ?",
                name,
                f"many {number}",
            )
            names.add(name)
            for _ in range(2):
                answer = self.answer(client, url)
                found = {each["name"] for each in answer.json}
                self.assertEqual(len(answer.json), 32)
                self.assertLessEqual(names, found)
        self.other.execute("DELETE FROM user__token")
        self.assertEqual([c.get(url).status for c in self.clients], [401, 401, 401])

    def test_rights_to_templates(self) -> None:
        """A kept list of templates is refused to a caller without a right to it."""
        url = f"/api/project/{self.projects[0].id}/templates"
        for _ in range(2):
            self.assertEqual([c.get(url).status for c in self.clients], [200, 404, 200])
        self.other.execute("DELETE FROM user__token")
        self.assertEqual([c.get(url).status for c in self.clients], [401, 401, 401])


class MemoryTests(SynchronousTestCase):
    """The lists and rows that are kept have limits."""

    def test_templates(self) -> None:
        """A list is kept as one object; an unknown order and a long list are not."""
        conn = memory_connection()
        user = make_user(conn)
        project = make_project(conn, user)
        template = make_template(conn, project)
        text = "x" * (limits.TEMPLATE_LIST // 8)
        for _ in range(5):
            make_template(conn, project, description=text)
        actor = actor_of(user, project, Role.GUEST)
        kept = TemplateLists()

        def find(sort: str = "") -> KnownTemplateList:
            with conn.transaction(write=False):
                return kept.find(conn, actor, Wanted(sort=sort))

        def encode(found: KnownTemplateList) -> bytes:
            self.assertEqual((found.content, found.encode), (None, True))
            with conn.transaction(write=False):
                content = kept.encoded(conn, actor, Wanted())
                kept.keep(conn, actor, Wanted(), version=found.version, content=content)
            return content

        first = encode(find())
        self.assertEqual(len(msgspec.json.decode(first)), 6)
        self.assertIs(find().content, first)
        unknown = find("colour")
        self.assertEqual((unknown.content, unknown.encode), (None, False))
        conn.raw.execute("UPDATE project__template SET name = 'B'")
        self.assertNotEqual(encode(find()), first)
        for _ in range(4):
            make_template(conn, project, description=text)
        self.assertEqual(encode(find()), b"")
        for _ in range(3):
            make_task(conn, project, template)
            long = find()
            self.assertEqual((long.content, long.encode), (None, False))

    def test_short_again(self) -> None:
        """A list that was too long is read as a whole again after some minutes."""
        time = [BEGINNING]
        conn = memory_connection(lambda: time[0])
        user = make_user(conn)
        project = make_project(conn, user)
        template = make_template(conn, project)
        actor = actor_of(user, project, Role.GUEST)
        kept = TemplateLists()

        def content() -> bytes | None:
            with conn.transaction(write=False):
                return kept.find(conn, actor, Wanted()).content

        with conn.transaction(write=False):
            kept.keep(conn, actor, Wanted(), version=conn.version(), content=b"")
        self.assertIsNone(content())
        time[0] += timedelta(hours=1)
        found = content()
        assert found is not None
        self.assertEqual([t["id"] for t in msgspec.json.decode(found)], [template])

    def test_templates_of_another_version(self) -> None:
        """A list that was encoded while something was committed is not kept."""
        conn = memory_connection()
        user = make_user(conn)
        project = make_project(conn, user)
        for _ in range(30):
            make_template(conn, project)
        actor = actor_of(user, project, Role.GUEST)
        kept = TemplateLists()
        with conn.transaction(write=False):
            found = kept.find(conn, actor, Wanted())
            content = kept.encoded(conn, actor, Wanted())
            self.assertIs(kept.encoded(conn, actor, Wanted()), content)
        make_template(conn, project)
        with conn.transaction(write=False):
            kept.keep(conn, actor, Wanted(), version=found.version, content=content)
            again = kept.find(conn, actor, Wanted())
            self.assertEqual((again.content, again.encode), (None, True))
            content = kept.encoded(conn, actor, Wanted())
        self.assertEqual(len(msgspec.json.decode(content)), 31)

    def test_limits(self) -> None:
        """Different queries, and different rows, replace each other."""
        conn = memory_connection()
        user = make_user(conn)
        project = make_project(conn, user)
        template = make_template(conn, project)
        for number in range(60):
            make_task(conn, project, template, message=str(number) * 100)
        actor = actor_of(user, project, Role.GUEST)
        rows: ByteCache[str, bytes] = ByteCache(20_000)
        kept: ByteCache[Any, Any] = ByteCache(20_000)
        lists = TaskLists(rows=rows, lists=kept)
        highest = 0
        for before in range(1, 60):
            with conn.transaction(write=False):
                found = lists.read(
                    conn, actor, template_id=None, count=5, before=before
                )
                ids = operations.newest(conn, actor, count=5, before=before)
                expected = json(operations.page(conn, actor, ids)[0])
            self.assertEqual(found, (expected, before > 6))
            highest = max(highest, rows.held, kept.held)
            self.assertLessEqual(max(rows.held, kept.held), 20_000)
        self.assertGreater(highest, 10_000)
