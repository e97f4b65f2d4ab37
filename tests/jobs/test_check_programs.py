"""The programs of checks, which run in jobs."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import checks

PROGRAMS = Path(checks.__file__).with_name("check_programs")

#: What ansible-core 2.17 says about a file; the lines are wrapped.
OLD = """\
[WARNING]:  * Failed to parse /w/inventory/hosts with yaml plugin: We were unable to
read either as JSON nor YAML. Syntax Error while loading YAML. The error appears to be
in '/w/inventory/hosts': line 7, column 1: password hush
[WARNING]:  * Failed to parse /w/inventory/hosts with ini plugin:
/w/inventory/hosts:3: Expected key=value host variable assignment, got:
hush
ERROR! Completely failed to parse inventory source /w/inventory/hosts
"""


def load(name: str) -> dict[str, Any]:
    """Return the functions of a program."""
    return runpy.run_path(str(PROGRAMS / name), run_name="program")


class HostTests(SynchronousTestCase):
    """Names of an inventory."""

    def names(self, lists: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the records for an output of ``ansible-inventory``."""
        found: list[dict[str, Any]] = load("list_hosts.py")["names"](lists)
        return found

    def test_groups_of_groups(self) -> None:
        """A host belongs to the groups above its groups, also around a circle."""
        found = self.names(
            {
                "_meta": {"hostvars": {"a": {"password": "hush"}, "lone": {}}},
                "all": {"children": ["ungrouped", "top"]},
                "ungrouped": {"hosts": ["lone"]},
                "top": {"children": ["web"]},
                "web": {"hosts": ["a", "b"], "children": ["top"]},
            }
        )
        self.assertEqual(
            found,
            [
                {"group": "top", "hosts": 2},
                {"group": "web", "hosts": 2},
                {"host": "lone", "groups": []},
                {"host": "a", "groups": ["top", "web"]},
                {"host": "b", "groups": ["top", "web"]},
            ],
        )

    def test_odd(self) -> None:
        """Values of other types are left out."""
        found = self.names({"web": {"hosts": 3, "children": [None, 4]}})
        self.assertEqual(found, [{"group": "web", "hosts": 0}])
        self.assertEqual(self.names({}), [])

    def test_problem(self) -> None:
        """The sentence about a file has place and reason, and quotes nothing."""
        problem = load("list_hosts.py")["problem"]
        self.assertEqual(
            problem(OLD, "/w/inventory/hosts"),
            "Ansible cannot read the inventory, line 3: "
            "Expected key=value host variable assignment",
        )
        self.assertEqual(
            problem(OLD, "/w/hosts.yml"),
            "Ansible cannot read the inventory, line 7: "
            "Syntax Error while loading YAML",
        )
        self.assertEqual(problem("hush", "x"), "Ansible cannot read the inventory")


class FileTests(SynchronousTestCase):
    """Playbooks of a checkout."""

    def test_hostile(self) -> None:
        """Links, pipes, deep folders and long files neither lead out nor hang."""
        root = Path(self.mktemp()).absolute()
        deep = root.joinpath(*"abcdefgh")
        deep.mkdir(parents=True)
        play = "- hosts: all\n"
        for path in (
            root / "a" / "one.yml",
            deep / "deep.yml",
            root / ".git" / "x.yml",
        ):
            path.parent.mkdir(exist_ok=True)
            path.write_text(play)
        (root / "late.yml").write_text("#" * 70_000 + "\n" + play)
        outside = root.with_name("outside")
        outside.mkdir(exist_ok=True)
        (outside / "out.yml").write_text(play)
        (root / "link.yml").symlink_to(outside / "out.yml")
        (root / "folder").symlink_to(outside)
        os.mkfifo(root / "pipe.yml")
        found = load("list_files.py")["playbooks"](str(root))
        self.assertEqual(found, ["a/one.yml"])


class LibraryTests(SynchronousTestCase):
    """What the programs need on a machine."""

    def test_standard_library(self) -> None:
        """The programs that list names run without any other package."""
        for name in ("list_hosts.py", "list_files.py"):
            code = f"import runpy; runpy.run_path({str(PROGRAMS / name)!r})"
            subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
