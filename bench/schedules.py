"""What 1,000 schedules cost: ``python -m bench.schedules``.

A started server has no schedule, then 1,000 that wait, then 100 of these start a task
at once. The processor time of the server, without that of the jobs, is read from
``/proc``.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from semaphore_twisted.model.cron import parse
from semaphore_twisted.model.timetable import Timetable
from semaphore_twisted.persistence.engine import timestamp
from tests.support.product import Product

SCHEDULES, SECONDS = 1_000, 60

EXPRESSIONS = ("{} * * * *", "{} 2 * * *", "{} */2 * * 1-5", "{} 4 1 * *")


def used(pid: int) -> float:
    """Return the seconds of processor time of a process, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spent(pid: int) -> float:
    """Return the per cent of a core that a process uses in :data:`SECONDS`."""
    before = used(pid)
    time.sleep(SECONDS)
    return 100 * (used(pid) - before) / SECONDS


def shift(path: Path, ahead: timedelta) -> None:
    """Let no schedule be due before *ahead*; the server looks each half minute."""
    moment = timestamp(datetime.now(UTC) + ahead)
    with closing(sqlite3.connect(path, timeout=30)) as raw, raw:
        raw.execute("UPDATE project__schedule SET next_run = ?", (moment,))


def due_now(path: Path, count: int) -> None:
    """Let *count* schedules be due at once."""
    moment = timestamp(datetime.now(UTC))
    with closing(sqlite3.connect(path, timeout=30)) as raw, raw:
        raw.execute(
            "UPDATE project__schedule SET next_run = ?1 WHERE id <= ?2",
            (moment, count),
        )


def computing() -> float:
    """Return the median microseconds in which a next due time is computed."""
    zone, now = ZoneInfo("Europe/Berlin"), datetime.now(UTC)
    tables = [
        Timetable(parse(each.format(minute)), zone)
        for each in EXPRESSIONS
        for minute in range(60)
    ]
    times = []
    for each in tables:
        begun = time.perf_counter()
        each.after(now)
        times.append(1e6 * (time.perf_counter() - begun))
    return statistics.median(times)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(
        prefix="semaphore-", ignore_cleanup_errors=True
    ) as folder:
        product = Product(Path(folder) / "state")
        product.start()
        try:
            measure(product, Path(folder))
        finally:
            product.stop()


def measure(product: Product, folder: Path) -> None:
    """Measure a server."""
    product.log_in()
    project, template = product.script(folder / "git", "bash", "true\n")
    product.api(
        "PUT", f"/project/{project}", {"name": "Bench", "max_parallel_tasks": 1}
    )
    process = product.process
    assert process is not None
    time.sleep(5)
    print(f"none: {spent(process.pid):.2f} % of a core")
    begun = time.monotonic()
    for number in range(SCHEDULES):
        product.create(
            project,
            "schedules",
            template_id=template,
            name=f"Schedule {number}",
            cron_format=f"{number % 60} {number % 24} * * *",
            timezone="Europe/Berlin",
            active=True,
        )
    print(f"created: {1000 * (time.monotonic() - begun) / SCHEDULES:.1f} ms each")
    (database,) = (folder / "state").glob("*.db")
    shift(database, timedelta(hours=5))
    time.sleep(35)
    print(f"{SCHEDULES} that wait: {spent(process.pid):.2f} % of a core")
    before = used(process.pid)
    count = SCHEDULES // 10
    due_now(database, count)
    time.sleep(45)
    counted = used(process.pid) - before
    each = 1000 * counted / count
    print(f"{count} that start at once, with their tasks: {each:.1f} ms each")
    for path in ("", "/calendar"):
        begun = time.monotonic()
        product.api("GET", f"/project/{project}/schedules{path}")
        print(f"GET schedules{path}: {1000 * (time.monotonic() - begun):.0f} ms")
    print(f"a next due time: {computing():.0f} µs")


if __name__ == "__main__":
    main()
