"""The size of the database after many tasks, as a year of them would make it.

``python -m bench.sizing`` stores 2,000 tasks of 100 lines in a new database, with the
two events that each task has, and prints the size that 365,000 of them come to: 1,000
tasks a day for a year. Lines are like those of a playbook. The figure depends on the
time that a task takes, since a part of the log holds a second at most.
"""

import os
import random
import sys
import tempfile
from pathlib import Path

from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations.tasks import output
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate
from tests.support.memory import make_project
from tests.support.tasks import make_task, make_template

_WORDS = ("nginx", "postgres", "users", "sshd", "backup", "cron", "firewall", "mail")

_TASKS, _LINES, _YEAR = 2000, 100, 365_000


def main() -> None:
    """Print a row for tasks of 1, 5, 30 and 300 seconds."""
    for seconds in (1, 5, 30, 300):
        with tempfile.TemporaryDirectory(prefix="bench-sizing-") as name:
            each = _bytes_of_a_task(Path(name) / "semaphore.db", seconds)
        sys.stdout.write(
            f"| {_LINES} lines in {seconds} s | {each / 1024:.1f} KiB a task"
            f" | {each * _YEAR / 1e9:.2f} GB a year |\n"
        )


def _bytes_of_a_task(database: Path, seconds: int) -> float:
    migrate(database, utc_now)
    conn = connect(database, now=utc_now, entropy=os.urandom)
    try:
        before = _size(conn)
        _fill(conn, seconds)
        return (_size(conn) - before) / _TASKS
    finally:
        conn.close()


def _size(conn: Connection) -> int:
    (pages,) = conn.raw.execute("PRAGMA page_count").fetchone()
    (size,) = conn.raw.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def _fill(conn: Connection, seconds: int) -> None:
    draw = random.Random(1)
    with conn.transaction(write=True):
        project = make_project(conn)
        template = make_template(conn, project)
    for number in range(_TASKS):
        begun = 1_780_000_000 + number * 86.4
        with conn.transaction(write=True):
            task = make_task(
                conn,
                project,
                template,
                status=TaskStatus.SUCCESS,
                message="nightly run",
            )
            for what in ("created", "finished with status SUCCESS"):
                conn.insert(
                    schema.event,
                    project_id=project.id,
                    object_id=task,
                    object_type="task",
                    description=f"Task {task} (Say) {what}",
                    created=conn.now,
                )
            lines = [
                (begun + line * seconds / _LINES, _line(draw, line))
                for line in range(_LINES)
            ]
            for second in range(seconds + 1):
                part = [
                    each for each in lines if second <= each[0] - begun < second + 1
                ]
                if part:
                    output.append(conn, task, part)


def _line(draw: random.Random, number: int) -> str:
    if number % 21 == 0:
        role, package = draw.choice(_WORDS), draw.choice(_WORDS)
        return f"TASK [{role} : Install {package} and its configuration] {'*' * 30}"
    shown = draw.choice(("ok", "ok", "ok", "changed", "skipping"))
    item = f" => (item={draw.choice(_WORDS)}-{draw.randrange(1000)})"
    host = f"web-{number % 21:02}.example.org"
    return f"{shown}: [{host}]{item if draw.random() < 0.3 else ''}"


if __name__ == "__main__":
    main()
