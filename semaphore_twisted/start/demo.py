"""The demo's repository, and ``--demo``, which creates a project with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from semaphore_twisted.common import atomic_file
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.operations.accounts import first_account
from semaphore_twisted.operations.projects import demo, projects
from semaphore_twisted.operations.projects.demo import DemoFiles
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

_FILES = {demo.PING: _PING, demo.DISKS: _DISKS, demo.FAILING: _FAILING}


def ensure(installation: Installation, *, search_path: str) -> str | None:
    """Create the project if it is missing; return the reason if that is impossible."""
    conn = installation.connect()
    try:
        with conn.transaction(write=True):
            if first_account.project_exists(conn, NAME):
                return None
            files = prepare(installation.state.demo, search_path)
            owner = first_account.administrator(conn)
            _ = demo.create(conn, owner, projects.NewProject(name=NAME), files)
    except Unavailable as error:
        return f"--demo: {error.message}"
    finally:
        conn.close()
    return None


def prepare(folder: Path, search_path: str) -> DemoFiles:
    """Create the repository in *folder* if it is missing, and return what refers to it.

    :raises Unavailable: if git is missing on *search_path*
    """
    git = shutil.which("git", path=search_path)
    if git is None:
        raise Unavailable(
            "git is missing, so there is no demo; install it, and try again"
        )
    if not (folder / ".git").is_dir():
        make_repository(folder, git=git)
    return DemoFiles(url=folder.as_uri(), python=sys.executable)


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
