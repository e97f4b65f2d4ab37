"""Starts ``twistd`` and ``semaphore`` from a process that has already imported them.

A start of either takes most of its time to import modules, and tests start them
hundreds of times. So a process of tests has one helper that imports them; a program
begins as a fork of the helper, and runs the program's own script with arguments,
environment, directory and files of its own. But ``/proc`` shows the helper's arguments
and environment, the program shares memory with the helper, it is in the namespaces of
the helper, and variables for Python or the loader come too late: a test of one of these
starts the program itself.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

#: What the programs import; none of it installs a reactor.
_MODULES = (
    "alembic.command",
    "semaphore_twisted.cli.user",
    "semaphore_twisted.cli.vault",
    "semaphore_twisted.persistence.migrations.migrate",
    "semaphore_twisted.tap",
    "twisted.internet.epollreactor",
    "twisted.plugins.semaphore_twisted_plugin",
    "twisted.scripts.twistd",
)

#: Bytes of an order at most, and of a number in an answer.
_ORDER, _NUMBER = 1 << 17, 8


class Program:
    """A running program; its methods are those of ``subprocess.Popen``."""

    def __init__(self, words: Sequence[str], answers: int) -> None:
        """Read its id, and later how it ended, from the descriptor *answers*."""
        self.args = words
        self.returncode: int | None = None
        self._answers = answers
        self.pid = self._number()

    def _number(self) -> int:
        content = os.read(self._answers, _NUMBER)
        if len(content) != _NUMBER:
            raise ChildProcessError(f"the helper did not start {self.args}")
        return int.from_bytes(content, "little", signed=True)

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or ``None`` if it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()  # its number may be above those that select() takes
            poll.register(self._answers, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                return None
            self.returncode = self._number()
            os.close(self._answers)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: IO[bytes],
    stdout: IO[bytes],
    stderr: IO[bytes],
    cwd: str | Path = ".",
    umask: int | None = None,
) -> Program:
    """Start the Python script *words*; the arguments are those of ``Popen``."""
    if umask is None:
        umask = os.umask(0)
        os.umask(umask)
    order = {
        "words": [str(word) for word in words],
        "env": dict(env),
        "cwd": str(Path(cwd).absolute()),
        "umask": umask,
    }
    content = json.dumps(order).encode()
    assert len(content) <= _ORDER
    ours, theirs = os.pipe()
    try:
        files = [stdin.fileno(), stdout.fileno(), stderr.fileno(), theirs]
        socket.send_fds(_helper(), [content], files)
    finally:
        os.close(theirs)
    return Program(words, ours)


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    text: str = "",
    cwd: str | Path = ".",
    umask: int | None = None,
    timeout: float = 60,
) -> "subprocess.CompletedProcess[str]":
    """Run the Python script *words* to its end, with *text* as its input.

    :raises subprocess.TimeoutExpired: after *timeout* seconds; it is killed.
    """
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(text.encode())
        stdin.seek(0)
        program = start(
            words,
            env=env,
            cwd=cwd,
            umask=umask,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            code = program.wait(timeout)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
            raise
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *said)


@lru_cache(maxsize=1)
def _helper() -> socket.socket:
    """Return the connection to the helper, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _ORDER)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait, 10)
    atexit.register(ours.close)
    return ours


def _serve(orders: socket.socket) -> None:
    """Start a program for each order, until the connection ends."""
    for name in _MODULES:
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the watchers need no wait
    while True:
        content, files, _, _ = socket.recv_fds(orders, _ORDER, 4)
        if not content:
            return
        if os.fork() == 0:
            orders.close()
            _watch(json.loads(content), files)
            return
        for each in files:
            os.close(each)


def _watch(order: dict[str, object], files: list[int]) -> None:
    """Start the program as a child; tell its id and its end to the last of *files*."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answers = files.pop()
    os.set_inheritable(answers, False)
    pid = os.fork()
    if pid == 0:
        os.close(answers)
        _become(order, files)
        return
    for each in files:
        os.close(each)
    os.write(answers, pid.to_bytes(_NUMBER, "little", signed=True))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(answers, code.to_bytes(_NUMBER, "little", signed=True))
    os._exit(0)


def _become(order: dict[str, object], files: list[int]) -> None:
    """Run the script of *order* in this process."""
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    words, env = order["words"], order["env"]
    assert isinstance(words, list)
    assert isinstance(env, dict)
    os.chdir(str(order["cwd"]))
    os.umask(int(str(order["umask"])))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
