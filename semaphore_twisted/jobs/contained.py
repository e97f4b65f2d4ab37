"""Looks whether files are inside a folder, links followed; a program of its own.

``python -I -S contained.py FOLDER NAME PATH [NAME PATH ...]`` ends with 1 and a
sentence for the log where a PATH (relative to FOLDER) does not exist or leads out.
Only the standard library is used: the supervisor starts it outside any environment.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def complaint(folder: Path, name: str, path: str) -> str | None:
    """Return what is wrong with *path*, which is called *name*; ``None`` if nothing."""
    root = folder.resolve()
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        return f"The {name} {path} is not in the repository"
    if not found.is_relative_to(root):
        return f"The {name} {path} leads out of the repository"
    return None


def main(arguments: Sequence[str]) -> int:
    """Print the first complaint, if any; return the exit status."""
    folder, *pairs = arguments
    for name, path in zip(pairs[::2], pairs[1::2], strict=True):
        if said := complaint(Path(folder), name, path):
            sys.stderr.write(f"{said}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
