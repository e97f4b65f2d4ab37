"""Large projects: ``python -m bench.projects [templates|commits|search|deletion …]``.

A started server has a project with 500 templates and another one with 100,000 tasks.
The list of templates is asked for over 16 connections that are kept open, texts are
searched in the tasks, and the project with the tasks is deleted while another client
changes a setting again and again.
"""

import asyncio
import json
import os
import sqlite3
import ssl
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.projects import projects
from semaphore_twisted.persistence.engine import connect, timestamp, utc_now
from tests.support.kept_client import KeptClient
from tests.support.product import Product

TEMPLATES, RUNS, TASKS, CONNECTIONS, SECONDS = 500, 20, 100_000, 16, 15.0

#: A row of the table: what, measured, wanted.
Row = tuple[str, str, str]

_TEMPLATE = """
INSERT INTO project__template (project_id, name, playbook, app, repository_id,
        inventory_id, description, survey_vars)
    SELECT project_id, 'Template ' || :number, 'site-' || :number || '.yml', 'ansible',
        repository_id, inventory_id, 'Template ' || :number || ' of the bench', '[]'
    FROM project__template WHERE id = :like
"""

_TASK = """
INSERT INTO task (uuid, project_id, template_id, status, user_id, created, start, end,
        message, commit_hash, commit_message, playbook)
    VALUES (:uuid, :project, :template, :status, 1, :time, :time, :time,
        :message, :commit, 'Change ' || :number, 'site.yml')
"""


class Installation:
    """A started server, and its database."""

    def __init__(self, folder: Path) -> None:
        """Start the server."""
        self.product = Product(folder / "state")
        self.product.start()
        self.product.log_in()
        self.database = folder / "state" / "semaphore.db"

    def used(self) -> float:
        """Return the seconds of processor time of the server."""
        assert self.product.process is not None
        stat = Path(f"/proc/{self.product.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def project(self, name: str) -> int:
        """Make a project with the demo's content; return its number."""
        body = {"name": name, "demo": True}
        return int(self.product.call("POST", "/api/projects", body).json["id"])

    def templates(self, project: int) -> list[int]:
        """Return the numbers of the templates of a project."""
        path = f"/api/project/{project}/templates"
        return [each["id"] for each in self.product.call("GET", path).json]

    def fill(self, project: int, templates: int, tasks: int) -> None:
        """Give *project* that many templates, and *tasks* that have ended."""
        like = self.templates(project)[0]
        time_text = timestamp(utc_now())
        with closing(sqlite3.connect(self.database, timeout=60)) as raw, raw:
            have = len(self.templates(project))
            raw.executemany(
                _TEMPLATE,
                ({"number": n, "like": like} for n in range(have + 1, templates + 1)),
            )
            ids = [
                row[0]
                for row in raw.execute(
                    "SELECT id FROM project__template WHERE project_id = ?", (project,)
                )
            ]
            raw.executemany(
                _TASK,
                (
                    {
                        "uuid": f"{project}-{n}",
                        "project": project,
                        "template": ids[n % len(ids)],
                        "status": "error" if n % 10 == 0 else "success",
                        "time": time_text,
                        "message": f"nightly run {n}",
                        "commit": f"{n:040x}",
                        "number": n,
                    }
                    for n in range(tasks)
                ),
            )

    def request(self, path: str) -> bytes:
        """Return a request for *path*."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost:{self.product.port}\r\n"
            f"Authorization: Bearer {self.product.token}\r\n\r\n"
        ).encode()


async def _one(
    port: int, context: ssl.SSLContext, request: bytes, until: float
) -> list[float]:
    """Ask again and again over one connection; return the seconds of each answer."""
    times: list[float] = []
    reader, writer = await asyncio.open_connection(
        "localhost", port, ssl=context, limit=1 << 24
    )
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        low = head.lower()
        if b"content-length:" in low:
            length = low.split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        times.append(time.monotonic() - began)
    writer.close()
    return times


async def _many(
    port: int, context: ssl.SSLContext, request: bytes, connections: int, until: float
) -> list[float]:
    found = await asyncio.gather(
        *(_one(port, context, request, until) for _ in range(connections))
    )
    return [each for times in found for each in times]


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _told(times: list[float]) -> str:
    return (
        f"p50 {statistics.median(times) * 1e3:.0f} ms,"
        f" p99 {_percentile(times, 0.99) * 1e3:.0f} ms,"
        f" longest {max(times) * 1e3:.0f} ms ({len(times)} requests)"
    )


def _ask(bench: Installation, path: str, connections: int) -> tuple[list[float], float]:
    """Return the seconds of each answer, and those of the processor for one."""
    product = bench.product
    until = time.monotonic() + SECONDS
    request = bench.request(path)
    before = bench.used()
    times = asyncio.run(
        _many(product.port, product.context, request, connections, until)
    )
    return times, (bench.used() - before) / len(times)


def templates(bench: Installation) -> list[Row]:
    """Ask for 500 templates with their last tasks."""
    project = bench.project("Templates")
    bench.fill(project, TEMPLATES, TEMPLATES * RUNS)
    path = f"/api/project/{project}/templates"
    content = bench.product.call("GET", path)
    assert len(content.json) == TEMPLATES
    assert all(each["last_task"] for each in content.json)
    rows = []
    for connections, wanted in ((1, "—"), (CONNECTIONS, "p99 < 60 ms")):
        times, used = _ask(bench, path, connections)
        what = f"{TEMPLATES} templates with last tasks, {len(content.content):,} bytes"
        told = f"{_told(times)}; {used * 1e3:.1f} ms of the processor each"
        rows.append((f"{what}; {connections} connections", told, wanted))
    return rows


def commits(bench: Installation) -> list[Row]:
    """Ask for a short answer while others list the templates and change settings."""
    project, other = bench.project("Commits"), bench.project("Changed")
    bench.fill(project, TEMPLATES, RUNS * TEMPLATES)
    listing = f"/api/project/{project}/templates"
    short: list[float] = []
    listed: list[float] = []
    ended = threading.Event()

    def ask(path: str, times: list[float]) -> None:
        client = KeptClient(bench.product)
        while not ended.is_set():
            began = time.monotonic()
            assert client.call("GET", path)[0] == 200
            times.append(time.monotonic() - began)
            time.sleep(0.02)

    paths = [("/api/user", short), *[(listing, listed)] * 4]
    threads = [threading.Thread(target=ask, args=each) for each in paths]

    def work() -> None:
        for each in threads:
            each.start()
        time.sleep(SECONDS)
        ended.set()
        for each in threads:
            each.join()

    written = _writes(bench, other, work)
    what = f"while 4 clients list {TEMPLATES} templates and one commits all the time"
    return [
        (f"GET /api/user, {what}", _told(short), "—"),
        ("the lists", _told(listed), "—"),
        ("the commits", _told(written), "—"),
    ]


def search(bench: Installation) -> list[Row]:
    """Search texts in 100,000 tasks."""
    project = bench.project("Search")
    bench.fill(project, 20, TASKS)
    path = f"/api/project/{project}/tasks"
    client = KeptClient(bench.product)
    client.call("GET", path)
    rows = []
    for what, query in (
        ("a text of each task", "search=nightly&limit=50"),
        ("one of the newest 1,000", f"search=run%20{TASKS - 900}&limit=50"),
        ("a text that no task has", "search=nothing-like-this&limit=50"),
        ("the failed ones", "status=error&limit=50"),
    ):
        times, before = [], bench.used()
        for _ in range(20):
            began = time.monotonic()
            assert client.call("GET", f"{path}?{query}")[0] == 200
            times.append(time.monotonic() - began)
        used = (bench.used() - before) / len(times)
        told = f"{_told(times)}; {used * 1e3:.0f} ms of the processor each"
        rows.append((f"search in {TASKS:,} tasks: {what}", told, "< 50 ms"))
    parts, after = 0, f"{path}?search=run%20x&limit=50"
    began = time.monotonic()
    while after:
        parts += 1
        _, link = client.call("GET", after)
        after = path + link if link else ""
    took = time.monotonic() - began
    rows.append(
        (
            "the same, with each request that the answers lead to",
            f"{took * 1e3:.0f} ms for {parts} requests",
            "< 50 ms",
        )
    )
    return rows


def _add_history(bench: Installation, project: int) -> None:
    """Give each task of *project* a chunk of a log, and three events."""
    with closing(sqlite3.connect(bench.database, timeout=60)) as raw, raw:
        raw.execute(
            "INSERT INTO task__output (task_id, first, last, lines)"
            " SELECT id, 1, 1, zeroblob(200) FROM task WHERE project_id = ?",
            (project,),
        )
        raw.execute(
            "INSERT INTO event (project_id, user_id, object_type, object_id,"
            " description, created) SELECT project_id, 1, 'task', id, 'Task ended',"
            " created FROM task, (VALUES (1), (2), (3)) WHERE project_id = ?",
            (project,),
        )


def slices(bench: Installation) -> list[Row]:
    """Delete such a project without a server's help; measure each transaction."""
    project = bench.project("Slices")
    bench.fill(project, 20, TASKS)
    _add_history(bench, project)
    conn = connect(bench.database, now=utc_now, entropy=os.urandom)
    user = users.find(conn, "admin")
    assert user is not None
    actor = Actor(user=user, project_id=ProjectId(project), role=Role.OWNER)
    used: list[float] = []
    more = True
    while more:
        before = time.thread_time()
        with conn.transaction(write=True):
            more = projects.delete_some(conn, actor)
        used.append(time.thread_time() - before)
    before = time.thread_time()
    with conn.transaction(write=True):
        projects.delete(conn, actor)
    used.append(time.thread_time() - before)
    conn.close()
    return [
        (
            f"the transactions that delete a project of {TASKS:,} tasks",
            f"p50 {statistics.median(used) * 1e3:.0f} ms, longest"
            f" {max(used) * 1e3:.0f} ms of the processor ({len(used)} transactions)",
            "each well below 100 ms",
        )
    ]


def deletion(bench: Installation) -> list[Row]:
    """Delete a project of 100,000 tasks, while others write."""
    project, other = bench.project("Deletion"), bench.project("Other")
    bench.fill(project, 20, TASKS)
    _add_history(bench, project)
    quiet = _writes(bench, other, lambda: time.sleep(SECONDS))
    took: list[float] = []

    def delete() -> None:
        began = time.monotonic()
        status, _ = KeptClient(bench.product).call("DELETE", f"/api/project/{project}")
        assert status == 204, status
        took.append(time.monotonic() - began)

    busy = _writes(bench, other, delete)
    return [
        ("another client's write, nothing beside it", _told(quiet), "—"),
        (
            f"the same while a project of {TASKS:,} tasks is deleted ({took[0]:.1f} s)",
            _told(busy),
            f"longest < {max(quiet) * 1e3:.0f} + 100 ms",
        ),
    ]


def _writes(bench: Installation, project: int, work: Any) -> list[float]:
    """Change a view again and again while *work* runs; return the seconds of each."""
    times: list[float] = []
    ended = threading.Event()
    body = {"project_id": project, "title": "View", "position": 0}
    client = KeptClient(bench.product)
    path = f"/api/project/{project}/views"
    number = bench.product.call("POST", path, body).json["id"]

    def change() -> None:
        while not ended.is_set():
            began = time.monotonic()
            status, _ = client.call("PUT", f"{path}/{number}", {**body, "id": number})
            assert status == 204, status
            times.append(time.monotonic() - began)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        work()
    finally:
        ended.set()
        thread.join()
    return times


PARTS = {
    "templates": templates,
    "commits": commits,
    "search": search,
    "slices": slices,
    "deletion": deletion,
}


def main() -> None:
    """Print the table of the parts that the arguments name."""
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as folder:
        bench = Installation(Path(folder))
        try:
            for name in sys.argv[1:] or PARTS:
                for row in PARTS[name](bench):
                    print("| " + " | ".join(row) + " |", flush=True)
        finally:
            bench.product.stop()
    print(json.dumps({"load": os.getloadavg()}))


if __name__ == "__main__":
    main()
