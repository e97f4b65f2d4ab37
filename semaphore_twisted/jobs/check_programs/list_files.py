"""Prints the branches and the playbooks of the checkout in the current directory.

This program runs in a job, with the standard library only. Each line is the token in
``SEMAPHORE_CHECK``, a space, and JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

#: Directories below the checkout that are searched for playbooks, and their files.
_DEEPEST, _FILES = 6, 20_000

#: Bytes of a file that are searched.
_HEAD = 64 << 10

#: Directories without playbooks.
_OTHER = frozenset(
    {
        *("collections", "defaults", "files", "group_vars", "handlers", "host_vars"),
        *("meta", "node_modules", "roles", "tasks", "templates", "vars"),
    }
)

#: A play names its hosts or another playbook; YAML is not parsed, since a job need not
#: have a library for it.
_PLAY = re.compile(
    rb"^(?:- +|  +)(?:hosts|(?:ansible\.builtin\.)?import_playbook) *:", re.MULTILINE
)
_LIST = re.compile(rb"^- ", re.MULTILINE)


def main() -> None:
    """Print the names."""
    token = os.environ.pop("SEMAPHORE_CHECK")

    def say(kind: str, name: str) -> None:
        sys.stdout.write(f"{token} {json.dumps({kind: name})}\n")

    listed = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)", "refs/heads"],
        check=True,
        stdout=subprocess.PIPE,
    )
    for line in listed.stdout.decode(errors="replace").splitlines():
        say("branch", line[len("refs/heads/") :])
    for path in playbooks("."):
        say("playbook", path)


def playbooks(root: str) -> list[str]:
    """Return the paths of the playbooks below *root*; links are not followed."""
    found: list[str] = []
    seen = 0
    for folder, folders, files in os.walk(root):
        inner = os.path.relpath(folder, root)
        depth = 0 if inner == "." else inner.count(os.sep) + 1
        folders[:] = sorted(
            each
            for each in folders
            if depth < _DEEPEST and each not in _OTHER and not each.startswith(".")
        )
        for name in sorted(files):
            seen += 1
            if seen > _FILES:
                return found
            path = os.path.join(folder, name)
            if name.endswith((".yml", ".yaml")) and _is_playbook(path):
                found.append(os.path.normpath(os.path.join(inner, name)))
    return found


def _is_playbook(path: str) -> bool:
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return bool(_LIST.search(head) and _PLAY.search(head))


if __name__ == "__main__":
    main()
