"""Finds the programs that jobs need, and tells how to install missing ones."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from semaphore_twisted.model.apps import ANSIBLE, BUILT_IN, AppTable

#: Program, purpose, and how to install it on Debian.
_BASE: tuple[tuple[str, str, str], ...] = (
    ("git", "to check repositories out", "apt install git"),
    ("ssh", "to reach hosts", "apt install openssh-client"),
    ("ssh-agent", "to hold keys", "apt install openssh-client"),
)

#: Needed only for hosts with password login.
OPTIONAL: tuple[tuple[str, str, str], ...] = (
    ("sshpass", "for hosts that want a password", "apt install sshpass"),
)


#: The server's program that jobs use if their PATH has none.
_OURS = ANSIBLE.program


def own_programs() -> Path | None:
    """Return this virtual environment's program directory, ``None`` outside one."""
    return None if sys.prefix == sys.base_prefix else Path(sys.executable).parent


def search_path(environ_path: str | None, own: Path | None = None) -> str:
    """Return the PATH of jobs: the server's, without the directory *own*.

    The virtual environment of the server is not for jobs. The Python of a job is the
    system's, with the system's packages.
    """
    inherited = (environ_path or "").split(":")
    folders = [folder for folder in inherited if folder.startswith("/")]
    folders += ["/usr/local/bin", "/usr/bin", "/bin"]
    if own is not None:
        here = os.path.realpath(own)
        folders = [each for each in folders if os.path.realpath(each) != here]
    return ":".join(dict.fromkeys(folders))


def brought_along(path: str, own: Path | None) -> tuple[str, ...]:
    """Return Ansible's programs in the directory *own*, if *path* has no Ansible."""
    if own is None or shutil.which(_OURS, path=path) is not None:
        return ()
    found = sorted(own.glob("ansible*"))
    return tuple(str(each) for each in found if os.access(each, os.X_OK))


def needed(apps: AppTable) -> tuple[tuple[str, str, str], ...]:
    """Return each needed program, its purpose, and how to install it.

    These are the programs of the server itself, and of the active *apps* that have a
    purpose.
    """
    return (
        *_BASE,
        *(
            (each.program, each.purpose, each.install)
            for each in apps.listed()
            if each.purpose and each.active
        ),
    )


def place_of(program: str, *, path: str, brought: tuple[str, ...] = ()) -> str:
    """Return where jobs find *program*, a name or an absolute path; empty if nowhere.

    *path* is the PATH of jobs; *brought* are programs that are searched after it.
    """
    found = shutil.which(program, path=path)
    if found is not None:
        return found
    return next((each for each in brought if each.rpartition("/")[2] == program), "")


def absent(
    path: str,
    which: Callable[..., str | None] = shutil.which,
    brought: tuple[str, ...] = (),
    apps: AppTable = BUILT_IN,
) -> tuple[tuple[str, str, str], ...]:
    """Return those of :func:`needed` that are neither on *path* nor in *brought*."""
    here = {each.rpartition("/")[2] for each in brought}
    return tuple(
        each
        for each in needed(apps)
        if each[0] not in here and which(each[0], path=path) is None
    )


def missing_sentence(name: str, purpose: str, command: str) -> str:
    """Return the sentence about one of :func:`absent`."""
    return f"{name} is missing: it is needed {purpose}; install it with: {command}"


def missing(
    path: str,
    which: Callable[..., str | None] = shutil.which,
    brought: tuple[str, ...] = (),
    optional: tuple[tuple[str, str, str], ...] = OPTIONAL,
    apps: AppTable = BUILT_IN,
) -> tuple[str, ...]:
    """Return a sentence for each program that is neither on *path* nor in *brought*.

    These are the programs that the server and the active *apps* need.
    """
    sentences = [missing_sentence(*each) for each in absent(path, which, brought, apps)]
    sentences += [
        f"{name} is not there: it is only needed {purpose} ({command})"
        for name, purpose, command in optional
        if which(name, path=path) is None
    ]
    return tuple(sentences)
