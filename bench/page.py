"""``python -m bench.page``: how fast the web page is there, in Debian's Chromium.

The server of ``PATH`` and the browser run on this machine, over loopback and TLS. Cold
is a visit of a browser that has nothing of the page, warm one that has its files; both
read the dashboard of a project with 20 ended tasks. Then a list of 1,000 templates is
searched.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from tools import page_build

ROOT = Path(__file__).parents[1]

#: Milliseconds until the largest contentful paint that are wanted.
WANTED = {"cold": 1_000, "warm": 600}


def first_load() -> int:
    """Return the bytes of the files that ``index.html`` names, compressed by brotli."""
    built = ROOT / page_build.BUILT
    index = (built / "index.html").read_text()
    total = 0
    for path in (built / "assets").iterdir():
        if path.suffix in {".js", ".css"} and f"assets/{path.name}" in index:
            total += path.with_name(path.name + ".br").stat().st_size
    return total


def main() -> None:
    """Measure, and print rows of the table."""
    page_build.prepare_tests(ROOT)
    program, path = page_build.npm()
    done = subprocess.run(
        [*program, "run", "--silent", "bench"],
        cwd=ROOT / "ui" / "e2e",
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    times = json.loads(done.stdout)
    for kind, wanted in WANTED.items():
        sys.stdout.write(
            f"| largest contentful paint of the dashboard, {kind} | "
            f"{median(times[kind]):.0f} ms (median of {len(times[kind])}, longest "
            f"{max(times[kind]):.0f} ms) | < {wanted} ms |\n"
        )
    search = times["search"]
    sys.stdout.write(
        "| 1,000 templates: time until the list is shown | "
        f"{search['listed']:.0f} ms | |\n"
        "| the same: time until the list follows a typed letter | "
        f"{median(search['followed']):.0f} ms (median of {len(search['followed'])}, "
        f"longest {max(search['followed']):.0f} ms) | < 100 ms |\n"
    )
    size = first_load() / 1000
    sys.stdout.write(f"| scripts and styles of `index.html` | {size:.0f} kB | |\n")


if __name__ == "__main__":
    main()
