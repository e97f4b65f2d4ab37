"""``python -m bench.page_log [PART …] [--small]``: the log of a task on the web page.

The server of ``PATH``, the jobs and Debian's Chromium run on this machine, over
loopback and TLS. Part ``large`` opens a log of 300,000 lines like those of a playbook,
scrolls and searches; ``live`` looks at a job that writes 50,000 lines in 5 s. Beside
each row is the load of the machine when its part began and ended.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

from bench.bench import percentile
from tools import page_build

ROOT = Path(__file__).parents[1]

#: Parts, and how many lines each takes.
SIZES = {"large": 300_000, "live": 50_000}
#: With ``--small``, to try the program.
SMALL = 100


def measure(part: str, size: int) -> str:
    """Return the JSON text that the script of *part* prints."""
    program, path = page_build.npm()
    return subprocess.run(
        [*program, "run", "--silent", "bench-log", "--", part, str(size)],
        cwd=ROOT / "ui" / "e2e",
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout


def times(values: Iterable[float]) -> str:
    """Return the median and the longest of *values*."""
    known = list(values)
    return f"{median(known):.0f} ms, longest {max(known):.0f} ms"


def spread(values: list[float]) -> str:
    """Return what 95 % of *values* do not exceed, and the longest."""
    return f"95 % under {percentile(values, 0.95):.0f} ms, longest {max(values):.0f} ms"


def large(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield rows of the part ``large``: what, measured, wanted."""
    found = json.loads(text)
    for kind in ("cold", "warm"):
        visits = found[kind]
        readable = times(each["readable"] for each in visits)
        yield f"log of 300,000 lines: readable, {kind}", readable, "< 2,000 ms"
        yield "the same: all lines read", times(each["complete"] for each in visits), ""
        worst = max(visits, key=lambda each: float(each["script"]))
        said = f"{worst['script']:.0f} ms ({worst['name']})"
        yield "the same: longest script", said, "< 50 ms"
    scrolled = found["scrolled"]
    for kind, name in (("wheel", "by the wheel"), ("jumps", "far at each frame")):
        frames = scrolled[kind]
        said = spread(frames)
        yield f"frames while scrolling {name}", said, "95 % < 50 ms"
    yield "the same: longest script", f"{scrolled['script']:.0f} ms", "< 50 ms"
    said = f"{found['heap'] / 1e6:.0f} MB; its process {found['process'] / 1e6:.0f} MB"
    yield "memory of the tab: scripts", said, "< 300 MB"
    search = found["search"]
    said = f"{search['found']} ms; longest script {search['script']:.0f} ms"
    yield "search typed in it: hits shown", said, ""


def live(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield rows of the part ``live``."""
    found = json.loads(text)
    yield "50,000 lines live: written in", times(each["took"] for each in found), "5 s"
    delays = [float(delay) for each in found for delay in each["inputs"]]
    yield "the same: input delay", spread(delays), "< 100 ms"
    said = times(each["complete"] for each in found)
    yield "the same: last line shown after it was written", said, "< 3,000 ms"


ROWS = {"large": large, "live": live}


def main(*words: str) -> None:
    """Measure the parts in *words*, by default all, and print rows of the table."""
    page_build.prepare_tests(ROOT)
    parts = [each for each in words if each != "--small"] or list(SIZES)
    for part in parts:
        size = SIZES[part] // (SMALL if "--small" in words else 1)
        before = os.getloadavg()[0]
        text = measure(part, size)
        load = f"{before:.1f} to {os.getloadavg()[0]:.1f}"
        for what, measured, wanted in ROWS[part](text):
            sys.stdout.write(f"| {what} | {measured} | {load} | {wanted} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
