"""Prints the names of an inventory's hosts and groups, and nothing else of it.

This program runs in a job, with the standard library only. Its arguments are those of
``ansible-inventory``, whose output contains all variables with their secrets, so it is
read here and only names are printed.

Each line is the token in ``SEMAPHORE_CHECK``, a space, and JSON: a group with the
number of its hosts, a host with its groups, or a problem.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile

#: Bytes of the lists and of the messages of ``ansible-inventory`` that are read.
_LISTS, _MESSAGES = 64 << 20, 1 << 20

#: The line in messages of Ansible: ``FILE:3: ``, ``FILE:3:13`` and ``'FILE': line 3``.
_PLACE = re.compile(r":([0-9]{1,9}):(?=[ 0-9])|': line ([0-9]{1,9})")

#: The plugin that a warning is about.
_TRIED = re.compile(r"\bwith '?([a-z]{1,20})'? plugin\b")

#: Reasons in messages of Ansible; the rest of a message may quote the inventory.
_REASONS = (
    "Expected key=value host variable assignment",
    "Invalid host pattern",
    "YAML parsing failed",
    "Syntax Error while loading YAML",
    "no vault secrets found",
)


def main() -> int:
    """Print the names; return 1 if the inventory cannot be read."""
    token = os.environ.pop("SEMAPHORE_CHECK")

    def say(**record: object) -> None:
        sys.stdout.write(f"{token} {json.dumps(record)}\n")

    with tempfile.TemporaryFile() as lists, tempfile.TemporaryFile() as messages:
        done = subprocess.run(
            ["ansible-inventory", *sys.argv[1:], "--list"],
            stdin=subprocess.DEVNULL,
            stdout=lists,
            stderr=messages,
            check=False,
        )
        lists.seek(0)
        text = lists.read(_LISTS + 1)
        messages.seek(0)
        said = messages.read(_MESSAGES).decode(errors="replace")
    if done.returncode != 0:
        say(problem=problem(said, sys.argv[-1]))
        return 1
    if len(text) > _LISTS:
        say(problem=f"The inventory is longer than {_LISTS >> 20} MiB")
        return 1
    for record in names(json.loads(text)):
        say(**record)
    return 0


def problem(said: str, path: str) -> str:
    """Return a sentence about the messages *said* that quotes nothing of a file.

    Ansible tries a file with one plugin after another, and warns for each. Those for
    the form that the *path* stands for are the ones that matter.
    """
    warnings = said.split("[WARNING]:")[1:]
    is_yaml = path.endswith((".yml", ".yaml", ".json"))
    wanted = ("yaml", "auto") if is_yaml else ("ini",)
    chosen = [
        each
        for each in warnings
        if (tried := _TRIED.search(" ".join(each.split()))) and tried[1] in wanted
    ]
    flat = " ".join(" ".join(chosen or [said]).split())
    reasons = [each for each in _REASONS if each in flat]
    reason = min(reasons, key=flat.index, default="")
    place = _PLACE.search(flat)
    line = next(filter(None, place.groups()), "") if place else ""
    return (
        "Ansible cannot read the inventory"
        + (f", line {line}" if line else "")
        + (f": {reason}" if reason else "")
    )


def names(lists: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """Return the groups and hosts of ``ansible-inventory --list``.

    The group ``all``, to which each host belongs, is left out, and ``ungrouped`` too.
    """
    above: dict[str, set[str]] = {}
    hosts: dict[str, set[str]] = {}
    for group, content in lists.items():
        for child in _texts(content.get("children")):
            above.setdefault(child, set()).add(group)
        for host in _texts(content.get("hosts")):
            hosts.setdefault(host, set()).add(group)
    for host in _texts(lists.get("_meta", {}).get("hostvars")):
        hosts.setdefault(host, set())
    counts = {group: 0 for group in lists if group not in {"_meta", "all", "ungrouped"}}
    found: list[dict[str, object]] = []
    for host, direct in hosts.items():
        groups, left = set(direct), list(direct)
        while left:
            new = above.get(left.pop(), set()) - groups
            groups |= new
            left += new
        mine = sorted(groups - {"all", "ungrouped"})
        for group in mine:
            counts[group] = counts.get(group, 0) + 1
        found.append({"host": host, "groups": mine})
    return [
        *({"group": group, "hosts": count} for group, count in counts.items()),
        *found,
    ]


def _texts(value: object) -> list[str]:
    if not isinstance(value, list | dict):
        return []
    return [each for each in value if isinstance(each, str)]


if __name__ == "__main__":
    sys.exit(main())
