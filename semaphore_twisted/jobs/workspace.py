"""The layout of a job's directories, and the environment of its steps.

A job has two directories. The *workspace* belongs to the job's user: checkout, home,
inventory, sockets of its agent; the supervisor creates and removes it. The *spool*
belongs to the server's user: git's agent and credentials are there, where a job that
runs as another user cannot reach them. A process of the server's user never writes into
another user's workspace by its path, since a job of that user could have placed a link
there.
"""

import re
import shlex
from collections.abc import Mapping

import msgspec

from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import File

#: The supervisor replaces this by the absolute path of the workspace.
WORKSPACE = "{workspace}"
#: The supervisor replaces this by the name of the step's user.
USER = "{user}"
#: Directory of the server's programs, below the workspace.
_PROGRAMS = "bin"
#: Directory of the checkout, below the workspace.
CHECKOUT = "repository"
#: Directory of the inventory's own checkout, below the workspace.
INVENTORY_CHECKOUT = "inventory_repository"

_PLACE = re.compile(r"\{(?=workspace\}|brace\}|user\}|pipe:)")
_LONGEST_SOCKET = 107
_LONGEST_CONTROL_PATH = 80


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The paths of one job; they are absolute."""

    workspace: str
    spool: str
    #: Whether checkouts are made in the spool and handed to another user.
    staging: bool
    known_hosts: str

    @property
    def agent(self) -> str:
        """The socket of the agent for the job's own steps."""
        return f"{WORKSPACE}/agent/ssh"

    @property
    def home(self) -> str:
        """The job's HOME."""
        return f"{WORKSPACE}/home"

    @property
    def temporary(self) -> str:
        """The job's TMPDIR."""
        return f"{WORKSPACE}/tmp"  # noqa: S108 (it is private)

    @property
    def control_path_fits(self) -> bool:
        """Whether the socket path of ssh's connection sharing is short enough."""
        return len(f"{self.workspace}/cp".encode()) <= _LONGEST_CONTROL_PATH


def literal(text: str) -> str:
    """Return *text* with its placeholders escaped."""
    return _PLACE.sub("{brace}", text)


def literals(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return *pairs* with the placeholders in the values escaped."""
    return {name: literal(value) for name, value in pairs.items()}


def layout(options: JobOptions, job_name: str) -> Layout:
    """Return the paths of the job whose directories are called *job_name*.

    :raises Invalid: if the path of a socket would be too long.
    """
    workspace = f"{options.workspaces}/{job_name}"
    spool = f"{options.spools}/{job_name}"
    for socket in (f"{workspace}/agent/ssh", f"{spool}/inventory-git.sock"):
        if (length := len(socket.encode())) > _LONGEST_SOCKET:
            raise Invalid(
                f"The path of the socket {socket} has {length} bytes, and the system"
                f" takes {_LONGEST_SOCKET}: choose a shorter state directory"
            )
    other = options.uid is not None
    copied = other or options.isolation is not None
    return Layout(
        workspace=workspace,
        spool=spool,
        staging=other,
        known_hosts=f"{WORKSPACE}/known_hosts" if copied else options.known_hosts,
    )


def files(options: JobOptions) -> tuple[File, ...]:
    """Return the initial files of each workspace, which also create its directories."""
    kept = tuple(
        File(path=f"{folder}/.keep", content=b"")
        for folder in ("home", "tmp", "agent", "cp")
    )
    kept += tuple(map(_program, options.programs))
    if options.uid is None and options.isolation is None:
        return kept
    return (*kept, File(path="known_hosts", content=options.known_hosts_text))


def _program(path: str) -> File:
    """Return a program in the workspace that executes the one at *path*."""
    name = path.rpartition("/")[2]
    content = f'#!/bin/sh\nexec {shlex.quote(path)} "$@"\n'
    return File(path=f"{_PROGRAMS}/{name}", content=content.encode(), executable=True)


def environ(options: JobOptions, paths: Layout) -> dict[str, str]:
    """Return the common environment of the job's own steps.

    It contains nothing of the server's own environment, except for variables that the
    configuration names. Ansible refuses to start without a UTF-8 locale.
    """
    path = literal(options.search_path)
    return {
        "PATH": f"{path}:{WORKSPACE}/{_PROGRAMS}" if options.programs else path,
        "HOME": paths.home,
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/sh",
        "TMPDIR": paths.temporary,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **literals(options.environment),
    }
