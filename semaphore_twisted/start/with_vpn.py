"""``--with-vpn``: server and companion from one command, for a container or a trial.

Started by root, the server first starts a second process, which restarts the companion
whenever that ends; then the server switches to ``--user`` and keeps only the privilege
for low ports. The server holds one end of a pipe. Both processes hold the other, and
end when the server has ended for any reason. The tunnel stays.
"""

import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from semaphore_twisted.common.log_setting import FORMAT, LEVEL
from semaphore_twisted.config.options import Config
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.start.installation import InstallationRefused
from semaphore_twisted.vpnd import capabilities

#: Seconds before an ended companion is started again.
PAUSE = 1.0

#: Grace period of the companion in seconds, as in its unit (``TimeoutStopSec=``).
TIMEOUT = 10.0

#: Signals that the keeper handles; their numbers are read from a pipe.
_SIGNALS = (signal.SIGTERM, signal.SIGCHLD)


def begin(
    options: Mapping[str, str], *, config: Config, state: Path, root: bool
) -> None:
    """Start the companion and switch to ``--user``; *root* is whether this is root.

    :raises InstallationRefused: with the reason, before anything was changed
    """
    if not root:
        raise InstallationRefused(
            "--with-vpn: only root can start the companion, which needs the right to "
            "administer the network; start the server as root with --user NAME, or "
            "run twistd semaphore-vpn as a service of its own"
        )
    name = options["user"]
    if not name:
        raise InstallationRefused(
            "--user: not set; expected the account that the server switches to"
        )
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise InstallationRefused(
            f"--user: there is no account {quoted(name)}"
        ) from None
    if account.pw_uid == 0:
        raise InstallationRefused(
            "--user: invalid value root; expected an account without privileges"
        )
    if not state.exists():
        state.mkdir(0o700, parents=True)
        os.chown(state, account.pw_uid, account.pw_gid)
    _keep(_command(options, config.vpn.socket))
    try:
        capabilities.drop(account, capabilities.CAP_NET_BIND_SERVICE)
    except capabilities.CannotDrop as error:
        raise InstallationRefused(f"--user: {error}") from None


def _command(options: Mapping[str, str], socket: str) -> list[str]:
    program = Path(sys.argv[0]).with_name("twistd")
    return [
        *(sys.executable, str(program), "-n", "--pidfile=", "semaphore-vpn"),
        *("--settings", options["vpn-settings"], "--state", options["vpn-state"]),
        *("--socket", socket),
        *(
            word
            for setting in (FORMAT, LEVEL)
            if options[setting.option]
            for word in (f"--{setting.option}", options[setting.option])
        ),
    ]


def _keep(command: Sequence[str]) -> None:
    """Fork a process that keeps *command* running until this one ends."""
    reading, writing = os.pipe()  # started programs inherit neither end
    if os.fork() == 0:
        try:
            os.close(writing)
            CommandRunner(command, reading).run()
        finally:
            os._exit(1)
    os.close(reading)
    _held.append(writing)


#: The server's end of the pipe, which is closed when this process ends.
_held: list[int] = []


class CommandRunner:
    """Runs a command until the pipe is closed or ``SIGTERM`` arrives.

    Signal handlers do nothing, so they cannot deadlock.
    """

    def __init__(self, command: Sequence[str], server: int) -> None:
        """Keep *command* running; *server* is the read end of the server's pipe."""
        self._command = [*command, "--until-closed", str(server)]
        self._server = server
        self._child: subprocess.Popen[bytes] | None = None
        self._due = 0.0

    def run(self) -> NoReturn:
        """Run until the end of the server."""
        woken, waking = os.pipe()
        os.set_blocking(waking, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGHUP):  # sent to all of a terminal
            signal.signal(number, signal.SIG_IGN)
        poll = select.poll()
        poll.register(self._server, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            self._start_if_due()
            ready = {descriptor for descriptor, _ in poll.poll(self._wait())}
            numbers = os.read(woken, 4096) if woken in ready else b""
            if self._server in ready or signal.SIGTERM in numbers:
                self._end()

    def _start_if_due(self) -> None:
        now = time.monotonic()
        if self._child is not None and self._child.poll() is not None:
            self._child, self._due = None, now + PAUSE
        if self._child is None and now >= self._due:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, pass_fds=(self._server,)
            )

    def _wait(self) -> int | None:
        """Return the milliseconds until the next start, ``None`` while a child runs."""
        if self._child is not None:
            return None
        return max(1, int((self._due - time.monotonic()) * 1000) + 1)

    def _end(self) -> NoReturn:
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        os._exit(0)
