"""``--demo``: creates a project with templates that run without further setup."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from semaphore_twisted.common import atomic_file
from semaphore_twisted.model.apps import ANSIBLE, BASH
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.accounts import first_account
from semaphore_twisted.operations.projects import (
    inventories,
    keys,
    projects,
    repositories,
    templates,
)
from semaphore_twisted.operations.projects.template_rules import NewTemplate
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start import state
from semaphore_twisted.start.installation import Installation

#: Name of the project; it is created once.
NAME = "Demo"

_PING = """\
- name: Reach every host and say what it is
  hosts: all
  gather_facts: false
  tasks:
    - name: Ping
      ansible.builtin.ping:

    - name: Ask for the kernel
      ansible.builtin.command: uname -sr
      register: kernel
      changed_when: false

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} runs {{ kernel.stdout }}"
"""

_DISKS = """\
#!/bin/bash
# Shows how full the disks of the machine are that runs the job.
set -eu
echo "Disk usage on $(uname -n):"
df -h 2>/dev/null || true
"""

_FAILING = """\
#!/bin/bash
# Ends with an error, to show what that looks like.
echo "Looking for the answer ..."
sleep 1
echo "There is none." >&2
exit 1
"""

_FILES = {"ping.yml": _PING, "disk-usage.sh": _DISKS, "failing.sh": _FAILING}

_TEMPLATES = (
    ("Ping localhost", ANSIBLE.id, "ping.yml", "A playbook that changes nothing"),
    ("Disk usage", BASH.id, "disk-usage.sh", "A script"),
    ("Failing script", BASH.id, "failing.sh", "What an error looks like"),
)


def ensure(found: Installation, *, search_path: str) -> str | None:
    """Create the project if it is missing; return the reason if that is impossible."""
    git = shutil.which("git", path=search_path)
    if git is None:
        return "--demo: git is missing, so there is no demo; install it, start again"
    conn = found.connect()
    try:
        with conn.transaction(write=True):
            if first_account.project_exists(conn, NAME):
                return None
            if not (found.state.demo / ".git").is_dir():
                make_repository(found.state.demo, git=git)
            _fill(conn, found.state.demo)
    finally:
        conn.close()
    return None


def make_repository(folder: Path, *, git: str) -> None:
    """Create a git repository with the demo's files in *folder*."""
    state.make_folder(folder)
    for name, text in _FILES.items():
        atomic_file.write(folder / name, text.encode())
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": NAME,
        "GIT_AUTHOR_EMAIL": "demo@localhost",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_NAME": NAME,
        "GIT_COMMITTER_EMAIL": "demo@localhost",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }
    for words in (
        ("init", "--quiet", "--template="),
        ("symbolic-ref", "HEAD", "refs/heads/main"),
        ("add", "--", *_FILES),
        ("commit", "--quiet", "--message", "Something to run"),
    ):
        subprocess.run(
            [git, *words],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


def _fill(conn: Connection, folder: Path) -> None:
    """Store the project and its objects on behalf of the first administrator."""
    owner = first_account.administrator(conn)
    project = projects.create(conn, owner, projects.NewProject(name=NAME))
    actor = Actor(
        user=owner.user,
        project_id=project.id,
        role=Role.OWNER,
        permissions=Role.OWNER.permissions,
    )
    (none,) = [each for each in keys.listed(conn, actor) if each.type == KeyType.NONE]
    repository = repositories.create(
        conn,
        actor,
        repositories.NewRepository(
            name="Demo files",
            git_url=folder.as_uri(),
            git_branch="main",
            ssh_key_id=none.id,
        ),
    )
    inventory = inventories.create(
        conn,
        actor,
        inventories.NewInventory(
            name="This machine",
            type=InventoryType.STATIC,
            inventory=(
                "localhost ansible_connection=local "
                f"ansible_python_interpreter={shlex.quote(sys.executable)}\n"
            ),
            ssh_key_id=none.id,
        ),
    )
    for name, app, file, description in _TEMPLATES:
        templates.create(
            conn,
            actor,
            NewTemplate(
                name=name,
                app=app,
                playbook=file,
                description=description,
                repository_id=repository.id,
                inventory_id=inventory.id if app == ANSIBLE.id else None,
            ),
        )
