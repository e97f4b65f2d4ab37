"""The plan of a job's private directory, and of what it must never hold.

Two places belong to a job. The *workspace* is the job user's own: checkout, home,
inventory, sockets of its agent; the supervisor makes it and removes it. The *spool*
is the server's own: git's agent and credentials live there, where a job that runs as
another user cannot reach them. Nothing of the server's user writes into a workspace
of another user by its path, since a job of that user could have put a link there.
"""

import re
import shlex
from collections.abc import Mapping

import msgspec

from semaphore_twisted.jobs.order import JobOptions
from semaphore_twisted.jobs.steps import File
from semaphore_twisted.model.errors import Invalid

#: What the supervisor puts the absolute path of the workspace in for.
WORKSPACE = "{workspace}"
#: What the supervisor puts the name of the step's user in for.
USER = "{user}"
#: Folder of programs that the server brings along, below the workspace.
_PROGRAMS = "bin"
#: Folder of the checkout, below the workspace.
CHECKOUT = "repository"
#: Folder of the inventory's own checkout, below the workspace.
INVENTORY_CHECKOUT = "inventory_repository"

_PLACE = re.compile(r"\{(?=workspace\}|brace\}|user\}|pipe:)")
_LONGEST_SOCKET = 107
_LONGEST_CONTROL_PATH = 80


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the things of one job are; absolute paths."""

    workspace: str
    spool: str
    #: Whether checkouts are made in the spool and handed to another user.
    staging: bool
    known_hosts: str

    @property
    def agent(self) -> str:
        """The socket of the agent that the job's own steps use."""
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
        """Whether a socket of ssh's connection sharing fits below the workspace."""
        return len(f"{self.workspace}/cp".encode()) <= _LONGEST_CONTROL_PATH


def literal(text: str) -> str:
    """Return *text* so that the supervisor puts nothing into it."""
    return _PLACE.sub("{brace}", text)


def literals(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return *pairs* with values that the supervisor puts nothing into."""
    return {name: literal(value) for name, value in pairs.items()}


def layout(options: JobOptions, place: str) -> Layout:
    """Return where the things of the job go whose folders are called *place*.

    :raises Invalid: if a socket would have too long a path.
    """
    workspace = f"{options.workspaces}/{place}"
    spool = f"{options.spools}/{place}"
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
    """Return the files that each workspace begins with, which make its folders."""
    kept = tuple(
        File(path=f"{folder}/.keep", content=b"")
        for folder in ("home", "tmp", "agent", "cp")
    )
    kept += tuple(map(_program, options.programs))
    if options.uid is None and options.isolation is None:
        return kept
    return (*kept, File(path="known_hosts", content=options.known_hosts_text))


def _program(path: str) -> File:
    """Return a program of the workspace that executes the one at *path*."""
    name = path.rpartition("/")[2]
    content = f'#!/bin/sh\nexec {shlex.quote(path)} "$@"\n'
    return File(path=f"{_PROGRAMS}/{name}", content=content.encode(), executable=True)


def environ(options: JobOptions, places: Layout) -> dict[str, str]:
    """Return the environment that each of the job's own steps begins with.

    Nothing of the server's own environment is in it, but for what the configuration
    names. Ansible refuses to start without a UTF-8 locale.
    """
    path = literal(options.search_path)
    return {
        "PATH": f"{path}:{WORKSPACE}/{_PROGRAMS}" if options.programs else path,
        "HOME": places.home,
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/sh",
        "TMPDIR": places.temporary,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **literals(options.environment),
    }
