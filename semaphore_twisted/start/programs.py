"""Programs that jobs need: where they are looked for, and how to get missing ones."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

#: Program, what for, how to install it on Debian and its like.
NEEDED: tuple[tuple[str, str, str], ...] = (
    ("git", "to check repositories out", "apt install git"),
    ("ssh", "to reach hosts", "apt install openssh-client"),
    ("ssh-agent", "to hold keys", "apt install openssh-client"),
    (
        "ansible-playbook",
        "to run playbooks",
        "pip install ansible-core",
    ),
)

#: Missed only by those who log in to hosts with passwords.
OPTIONAL: tuple[tuple[str, str, str], ...] = (
    ("sshpass", "for hosts that want a password", "apt install sshpass"),
)


def search_path(environ_path: str | None) -> str:
    """Return the PATH of jobs: pip's programs first, then the server's own PATH."""
    folders = [str(Path(sys.executable).parent)]
    inherited = (environ_path or "").split(":")
    folders += [folder for folder in inherited if folder.startswith("/")]
    folders += ["/usr/local/bin", "/usr/bin", "/bin"]
    return ":".join(dict.fromkeys(folders))


def missing(
    path: str, which: Callable[..., str | None] = shutil.which
) -> tuple[str, ...]:
    """Return a sentence for each program that is not on *path*."""
    sentences = [
        f"{name} is missing: it is needed {purpose}; install it with: {command}"
        for name, purpose, command in NEEDED
        if which(name, path=path) is None
    ]
    sentences += [
        f"{name} is not there: it is only needed {purpose} ({command})"
        for name, purpose, command in OPTIONAL
        if which(name, path=path) is None
    ]
    return tuple(sentences)
