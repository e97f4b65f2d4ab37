"""Checks which users may create namespaces here."""

import os
import subprocess
from collections.abc import Sequence


def refusal(prefix: Sequence[str] = ()) -> str:
    """Return why the kernel refuses to create namespaces; empty if it does not.

    *prefix* are words that start a program as another user; without them, the check is
    for this user.
    """
    words = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--mount-proc", "true"]
    if prefix or os.geteuid() != 0:
        words[1:1] = ["--user", "--map-current-user"]
    done = subprocess.run(
        [*prefix, *words], capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""
