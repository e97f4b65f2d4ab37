"""Measures the product from outside and prints a table (``python -m bench.bench``).

Every figure comes from the server as users run it (``twistd``, TLS, its own process).
The machine may be noisy, so comparisons are made in one run, interleaved, as ratios of
medians.
"""

import argparse
import asyncio
import json
import os
import selectors
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.bare import bare_server
from tests.support.product import Product
from tests.support.repository import repository

MILLION = """\
import sys
text = "x" * 92
write = sys.stdout.write
for number in range({count}):
    write(f"{{number:07}} {{text}}\\n")
"""

STAMPS = """\
import time
began = time.time()
for number in range({count}):
    due = began + number / {rate}
    pause = due - time.time()
    if pause > 0:
        time.sleep(pause)
    print(f"{{time.time():.6f}}", flush=True)
"""

#: Commits a change of a task about 2,000 times a second, until its input ends.
CHANGES = """\
import select, sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
conn.execute("PRAGMA synchronous=OFF")
number = 0
while not select.select([sys.stdin], [], [], 0.0004)[0]:
    number += 1
    conn.execute(
        "UPDATE task SET message = ? WHERE id = ?", (str(number), 1 + number % 50)
    )
print(number)
"""

Row = tuple[str, str, str]


def memory(pid: int, field: str = "VmRSS") -> float:
    """Return a figure of ``/proc/PID/status`` in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise ValueError(field)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which *share* of *values* lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Bench:
    """A server with a project of scripts."""

    def __init__(self, folder: Path) -> None:
        """Start the server on a fresh state below *folder*."""
        self.folder = folder
        self.product = Product(folder / "state")
        began = time.monotonic()
        self.product.start()
        self.first_start = time.monotonic() - began
        self.product.log_in()
        self.project = self.product.api("POST", "/projects", {"name": "Bench"})["id"]
        keys = self.product.api("GET", f"/project/{self.project}/keys")
        self.key = keys[0]["id"]
        self._made = 0

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self.product.process is not None
        return self.product.process.pid

    def template(self, app: str, name: str, content: str) -> int:
        """Make a repository with one script, and a template for it."""
        self._made += 1
        folder = repository(self.folder / f"repository{self._made}", {name: content})
        repo = self.product.create(
            self.project,
            "repositories",
            name=f"Repository {self._made}",
            git_url=f"file://{folder}",
            git_branch="main",
            ssh_key_id=self.key,
        )
        return self.product.create(
            self.project,
            "templates",
            name=f"Template {self._made}",
            app=app,
            playbook=name,
            repository_id=repo,
        )


@contextmanager
def peak_memory(pid: int) -> Iterator[list[float]]:
    """Watch a process's resident memory; the list holds the peak at the end, in MB."""
    peak = [memory(pid)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], memory(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def log_throughput(bench: Bench, count: int) -> list[Row]:
    """Let a job print *count* lines at full speed while one client follows it."""
    template = bench.template("python", "million.py", MILLION.format(count=count))
    idle = memory(bench.pid)
    follower = subprocess.Popen(
        [sys.executable, "-m", "bench.follower"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert follower.stdin is not None
    assert follower.stdout is not None
    settings = {
        "port": bench.product.port,
        "root": str(bench.product.root),
        "token": bench.product.token,
    }
    follower.stdin.write(json.dumps(settings).encode() + b"\n")
    follower.stdin.flush()
    follower.stdout.readline()  # it is connected
    with peak_memory(bench.pid) as peak:
        began = time.monotonic()
        task = bench.product.run(bench.project, template)
        follower.stdin.write(f"{task}\n".encode())
        follower.stdin.flush()
        seen = json.loads(follower.stdout.readline())
        seconds = time.monotonic() - began
    follower.wait()
    stored = bench.product.api(
        "GET", f"/project/{bench.project}/tasks/{task}/raw_output"
    )
    numbers = [line[:7] for line in stored.splitlines() if line.endswith("xxxx")]
    whole = numbers == [f"{number:07}" for number in range(count)]
    goal = "≥ 50,000 lines/s, in order, complete; ≤ 60 MB above idle"
    return [
        (
            f"{count:,} lines of 100 bytes: stored and delivered",
            f"{count / seconds:,.0f} lines/s; "
            f"socket {'in order, ' if seen['ordered'] else 'OUT OF ORDER, '}"
            f"{seen['lines']:,} lines; store {'whole' if whole else 'NOT WHOLE'}; "
            f"peak {peak[0] - idle:.0f} MB above idle",
            goal,
        )
    ]


def watchers(bench: Bench, clients: int, rate: int, seconds: int) -> list[Row]:
    """Many clients watch a job of *rate* lines/s, one measures; one never reads."""
    template = bench.template(
        "python", "stamps.py", STAMPS.format(count=rate * seconds, rate=rate)
    )
    rows = []
    for label, slow in (("", 0), (", and one that never reads", 1)):
        sockets = [bench.product.websocket() for _ in range(clients + slow)]
        measured, deaf = sockets[0], sockets[clients:]
        selector = selectors.DefaultSelector()
        for socket in sockets[1:clients]:
            selector.register(socket._socket, selectors.EVENT_READ)  # noqa: SLF001
        done = threading.Event()

        def drain(
            selector: selectors.BaseSelector = selector, done: threading.Event = done
        ) -> None:
            while not done.is_set():
                for key, _ in selector.select(0.1):
                    key.fileobj.recv(1 << 18)  # type: ignore[union-attr]

        thread = threading.Thread(target=drain)
        thread.start()
        task = bench.product.run(bench.project, template)
        delays: list[float] = []
        while (message := measured.read()) is not None:
            if message["task_id"] != task:
                continue
            if message["type"] == "log":
                try:
                    delays.append(time.time() - float(message["output"]))
                except ValueError:
                    continue
            elif message["status"] == "success":
                break
        done.set()
        thread.join()
        for socket in [*sockets[:clients], *deaf]:
            socket.close()
        rows.append(
            (
                f"{clients} clients at {rate:,} lines/s{label}: write to client",
                f"p50 {percentile(delays, 0.5) * 1e3:.0f} ms, "
                f"p99 {percentile(delays, 0.99) * 1e3:.0f} ms",
                "p99 < 60 ms",
            )
        )
    return rows


async def _load(
    port: int,
    context: ssl.SSLContext,
    request: bytes,
    *,
    connections: int,
    until: float,
) -> list[float]:
    """Ask again and again over *connections* kept open; return the times of answers."""
    times: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection(
            "localhost", port, ssl=context, limit=1 << 22
        )
        while time.monotonic() < until:
            began = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            times.append(time.monotonic() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return times


@contextmanager
def changes(database: Path) -> Iterator[list[int]]:
    """Change tasks by another process; the list gets the number of commits."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHANGES, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    made: list[int] = []
    try:
        yield made
    finally:
        made.append(int(process.communicate("\n")[0]))


def api(bench: Bench, seconds: float) -> list[Row]:
    """Ask for 50 tasks, without load, beside the bare resource, and under a log."""
    template = bench.template("bash", "true.sh", "true\n")
    tasks = [bench.product.run(bench.project, template) for _ in range(50)]
    bench.product.wait(bench.project, tasks[-1])
    path = f"/api/project/{bench.project}/tasks/last?limit=50"
    content = bench.product.call("GET", path).content
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost:{bench.product.port}\r\n"
        f"Authorization: Bearer {bench.product.token}\r\n\r\n"
    ).encode()

    def ask(port: int, pid: int) -> tuple[float, float, float]:
        began, cpu = time.monotonic(), _cpu(pid)
        times = asyncio.run(
            _load(
                port,
                bench.product.context,
                request,
                connections=16,
                until=began + seconds,
            )
        )
        used = _cpu(pid) - cpu
        rate = len(times) / (time.monotonic() - began)
        return rate, len(times) / max(used, 0.01), percentile(times, 0.99)

    ours: list[tuple[float, float, float]] = []
    bare: list[tuple[float, float, float]] = []
    with bare_server(bench.product.state / "tls", content) as (port, pid):
        for _ in range(3):
            ours.append(ask(bench.product.port, bench.pid))
            bare.append(ask(port, pid))
    with changes(bench.product.state / "semaphore.db") as commits:
        began = time.monotonic()
        changing = [ask(bench.product.port, bench.pid) for _ in range(3)]
        took = time.monotonic() - began
    load = bench.template("python", "load.py", MILLION.format(count=1_000_000))
    task = bench.product.run(bench.project, load)
    bench.product.wait(bench.project, task, "running")
    busy = ask(bench.product.port, bench.pid)
    ended = bench.product.status(bench.project, task)
    bench.product.wait(bench.project, task)

    def median(rows: list[tuple[float, float, float]], index: int) -> float:
        return statistics.median(row[index] for row in rows)

    return [
        (
            "GET 50 tasks, TLS, keep-alive, 16 connections",
            f"{median(ours, 0):,.0f} requests/s, "
            f"{median(ours, 1):,.0f} per core-second of the server, "
            f"p99 {median(ours, 2) * 1e3:.0f} ms",
            "≥ 1,500 requests/s per core",
        ),
        (
            f"the same, beside {commits[0] / took:,.0f} commits/s by another process",
            f"{median(changing, 0):,.0f} requests/s, "
            f"{median(changing, 1):,.0f} per core-second of the server; "
            f"ratio to bare {median(changing, 1) / median(bare, 1):.2f}",
            "ratio ≥ 0.20",
        ),
        (
            f"the bare twisted.web resource of the same {len(content):,} bytes",
            f"{median(bare, 0):,.0f} requests/s, "
            f"{median(bare, 1):,.0f} per core-second; "
            f"ratio ours to bare {median(ours, 1) / median(bare, 1):.2f}",
            "the limit",
        ),
        (
            "GET 50 tasks while a job prints 1,000,000 lines"
            + (" (it had ended before)" if ended == "success" else ""),
            f"{busy[0]:,.0f} requests/s, p99 {busy[2] * 1e3:.0f} ms",
            "p99 < 50 ms",
        ),
    ]


def _cpu(pid: int) -> float:
    """Return the processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_of_a_job(bench: Bench, rounds: int) -> list[Row]:
    """From the request to the job's first byte, beside the same program by hand."""
    script = "date +%s.%N\n"
    template = bench.template("bash", "first.sh", script)
    by_hand = bench.folder / "first.sh"
    by_hand.write_text(script)
    ours: list[float] = []
    hand: list[float] = []
    for _ in range(rounds):
        began = time.time()
        task = bench.product.run(bench.project, template)
        bench.product.wait(bench.project, task)
        lines = bench.product.output(bench.project, task)
        stamps = [float(line) for line in lines if line.replace(".", "").isdigit()]
        ours.append(stamps[-1] - began)
        began = time.time()
        printed = subprocess.run(
            ["bash", str(by_hand)], capture_output=True, text=True, check=True
        )
        hand.append(float(printed.stdout) - began)
    over = (statistics.median(ours) - statistics.median(hand)) * 1e3
    return [
        (
            "POST to the job's first byte, checkout included",
            f"{statistics.median(ours) * 1e3:.0f} ms; by hand "
            f"{statistics.median(hand) * 1e3:.0f} ms; {over:.0f} ms more",
            "< 150 ms more",
        )
    ]


def idle(bench: Bench) -> list[Row]:
    """How much memory an idle server holds, and how quickly it starts."""
    starts = []
    for _ in range(3):
        bench.product.stop()
        began = time.monotonic()
        bench.product.start()
        starts.append(time.monotonic() - began)
    time.sleep(1)
    return [
        ("idle, resident", f"{memory(bench.pid):.0f} MB", "< 90 MB"),
        (
            "start to the first answer",
            f"{statistics.median(starts):.2f} s (the first start ever "
            f"{bench.first_start:.2f} s)",
            "< 2 s",
        ),
    ]


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts: dict[str, Callable[[Bench], list[Row]]] = {
        "idle": idle,
        "start": lambda bench: start_of_a_job(bench, 15),
        "api": lambda bench: api(bench, 5),
        "watchers": lambda bench: watchers(bench, 100, 1000, 10),
        "log": lambda bench: log_throughput(bench, 1_000_000),
    }
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    wanted = parser.parse_args().parts or list(parts)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        try:
            print("| what | measured | wanted |\n|---|---|---|")
            for part in wanted:
                for row in parts[part](bench):
                    print("| " + " | ".join(row) + " |", flush=True)
        finally:
            bench.product.stop()


if __name__ == "__main__":
    main()
