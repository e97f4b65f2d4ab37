"""``--with-vpn``: both programs from one command, for a container or a trial.

Started by root, the server first starts a keeper, which starts the companion again
whenever that ends; then the server becomes ``--user`` with the right to low ports
alone. The keeper ends with the server, and the companion with it; the tunnel stays.
"""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from semaphore_twisted.config import Config
from semaphore_twisted.start.installation import Refused
from semaphore_twisted.vpnd import rights

#: Seconds before an ended companion is started again.
PAUSE = 1.0


def begin(options: Any, *, config: Config, state: Path, root: bool) -> None:
    """Start the companion and become ``--user``; *root* is whether we are that.

    :raises Refused: with the reason, before anything was done.
    """
    if not root:
        raise Refused(
            "--with-vpn: only root can start the companion, which needs the right to "
            "administer the network; start the server as root with --user NAME, or "
            "run twistd semaphore-vpn as a service of its own"
        )
    name = options["user"]
    if not name:
        raise Refused("--user: none found, the account that the server is to become")
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise Refused(f"--user: there is no account {name!r}") from None
    if account.pw_uid == 0:
        raise Refused("--user: root found, an account without rights wanted")
    if not state.exists():
        state.mkdir(0o700, parents=True)
        os.chown(state, account.pw_uid, account.pw_gid)
    _keep(_command(options, config.vpn.socket))
    try:
        rights.drop(account, rights.CAP_NET_BIND_SERVICE)
    except rights.CannotDrop as error:
        raise Refused(f"--user: {error}") from None


def _command(options: Any, socket: str) -> list[str]:
    program = Path(sys.argv[0]).with_name("twistd")
    return [
        *(sys.executable, str(program), "-n", "--pidfile=", "semaphore-vpn"),
        *("--settings", options["vpn-settings"], "--state", options["vpn-state"]),
        *("--socket", socket),
    ]


def _keep(command: Sequence[str]) -> None:
    """Leave a process behind that keeps *command* running until this one ends."""
    parent = os.getpid()
    if os.fork() == 0:
        try:
            rights.end_with_parent(signal.SIGTERM)
            if os.getppid() == parent:
                _keeper(command)
        finally:
            os._exit(1)


def _keeper(command: Sequence[str]) -> NoReturn:
    children: list[subprocess.Popen[bytes]] = []

    def end(*_: object) -> NoReturn:
        for child in children:
            child.terminate()
            child.wait()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's goes to all of us
    while True:
        children[:] = [subprocess.Popen(command, stdin=subprocess.DEVNULL)]
        children[0].wait()
        time.sleep(PAUSE)
