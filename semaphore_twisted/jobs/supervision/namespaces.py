"""The namespaces of one job: created once, entered by each of its programs.

The first process of the process namespace is a child of the supervisor. It is called
``init``, as programs expect of process 1, and only collects orphans. When it ends, the
kernel ends every process of the namespace: no program of the job can leave it, and none
survives the supervisor, except for a program with patience: if the supervisor vanishes,
the first process interrupts this program, and ends after it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket

from semaphore_twisted.jobs.supervision import linux, tree
from semaphore_twisted.jobs.supervision.mounts import MountSetup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.child import ProcessUser
    from semaphore_twisted.jobs.supervision.event_loop import EventLoop
    from semaphore_twisted.jobs.supervision.specification import NamespaceSettings

#: The flag of each kind and its file below ``/proc/self/ns``, in the order of entering:
#: the user namespace gives the right to enter the other ones.
_KINDS = {
    "user": (linux.NEW_USER, "user"),
    "mount": (linux.NEW_MOUNT, "mnt"),
    "ipc": (linux.NEW_IPC, "ipc"),
    "uts": (linux.NEW_UTS, "uts"),
    "pid": (linux.NEW_PID, "pid"),
}
_SECONDS = 30.0
_LONGEST = 4096


class CannotIsolate(Exception):
    """The namespaces cannot be created; the text says which call failed and why."""


class Namespaces:
    """The opened namespaces, and the process id of their first process."""

    def __init__(
        self, opened: dict[str, int], init: int | None, lifeline: socket.socket
    ) -> None:
        self._opened = opened
        #: ``None`` if the job has no process namespace.
        self.init = init
        self._lifeline = lifeline

    def enter(self) -> None:
        """Enter them; children that are started from now on are in all of them."""
        for kind, opened in self._opened.items():
            linux.enter(opened, _KINDS[kind][0])

    def attend(self, pid: int, seconds: float) -> None:
        """Let the program *pid* have *seconds* to end if this process vanishes.

        A program that ends right away, or a system without ``pidfd_open(2)``, needs or
        permits none.
        """
        with contextlib.suppress(OSError):
            program = os.pidfd_open(pid)
            try:
                word = b"%d" % seconds
                socket.send_fds(self._lifeline, [word], [program])
            finally:
                os.close(program)

    def end(self, loop: EventLoop) -> None:
        """End every process in them, and close them."""
        if self.init is not None and self.init not in loop.ended:
            tree.send(self.init, signal.SIGKILL)
        for opened in self._opened.values():
            os.close(opened)
        self._opened = {}
        self._lifeline.close()


def create(
    isolation: NamespaceSettings, *, workspace: str, user: ProcessUser | None
) -> Namespaces:
    """Create the namespaces that *isolation* names, with the job's file system.

    :raises CannotIsolate: if that fails; none of them is left then.
    """
    kinds = [kind for kind in _KINDS if kind in isolation.kinds]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_SECONDS)

    def arrange() -> None:
        if "mount" in kinds:
            MountSetup(isolation, workspace, user).make()

    builder = os.fork()
    if builder == 0:
        ours.close()
        _build(kinds, arrange, theirs)
    theirs.close()
    try:
        init, opened = _received(ours, processes="pid" in kinds)
    except (OSError, CannotIsolate) as error:
        ours.close()
        raise CannotIsolate(str(error)) from error
    finally:
        os.waitpid(builder, 0)
    for each in opened:
        os.set_inheritable(each, False)  # noqa: FBT003 - no keyword
    # The builder has ended, so the first process is a child of this process now.
    with contextlib.suppress(OSError):
        ours.send(b"go on")
    return Namespaces(dict(zip(kinds, opened, strict=True)), init, ours)


def _received(
    channel: socket.socket, *, processes: bool
) -> tuple[int | None, list[int]]:
    """Return the id of the first process, if there is one, and the namespaces.

    Two processes send, so the messages arrive in any order.
    """
    init: int | None = None
    opened: list[int] = []
    while not opened or (processes and init is None):
        word, found, _, _ = socket.recv_fds(channel, _LONGEST, len(_KINDS))
        opened += found
        if word.startswith(b"init "):
            init = int(word[5:])
        elif word != b"made":
            for each in opened:
                os.close(each)
            sentence = word.decode("utf-8", "replace") or "its first process ended"
            raise CannotIsolate(sentence)
    return init, opened


def _build(
    kinds: list[str], arrange: Callable[[], None], channel: socket.socket
) -> None:
    """Create the namespaces in a separate process, and end it."""
    try:
        _forget_signals()
        os.umask(0o022)
        if "user" in kinds:
            _become_own_user()
        flags = 0
        for kind in kinds:
            if kind != "user":
                flags |= _KINDS[kind][0]
        linux.unshare(flags)
        if "pid" not in kinds:
            arrange()
            _hand_over(kinds, channel)
        elif pid := os.fork():
            channel.send(b"init %d" % pid)
        else:
            _init(kinds, arrange, channel)
    except BaseException as error:  # noqa: BLE001 - nothing may leave this process
        _tell(channel, error)
    finally:
        os._exit(0)


def _become_own_user() -> None:
    """Enter a user namespace that maps only this user, to itself."""
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.NEW_USER)
    # The files below belong to root while the process is not dumpable.
    linux.show_memory()
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)
    linux.hide_memory()


def _init(
    kinds: list[str], arrange: Callable[[], None], channel: socket.socket
) -> None:
    """Run as the first process: collect orphans until the supervisor ends."""
    try:
        linux.set_name("init")
        # Orphans that end are then removed without a wait().
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        # Programs of the job see this process, but must not read its memory.
        linux.hide_memory()
        arrange()
        os.chdir("/")
        _hand_over(kinds, channel)
        if not channel.recv(_LONGEST):
            return
        _close_all(channel)
        while (program := _attended(channel)) is not None:
            _attend(channel, *program)
    except BaseException as error:  # noqa: BLE001 - nothing may leave this process
        _tell(channel, error)
    finally:
        os._exit(0)


def _attended(channel: socket.socket) -> tuple[int, int] | None:
    """Wait for a program with patience; return it with its seconds.

    Return ``None`` if the supervisor vanished; else this process ends with it.
    """
    linux.die_with_parent(signal.SIGKILL)
    channel.settimeout(None)
    word, found, _, _ = socket.recv_fds(channel, _LONGEST, 1)
    return (found[0], int(word)) if word else None


def _attend(channel: socket.socket, program: int, seconds: int) -> None:
    """Wait for the end of *program*; interrupt it if the supervisor vanishes before."""
    linux.die_with_parent(0)
    poll = select.poll()
    poll.register(channel, 0)  # its end only
    poll.register(program, select.POLLIN)
    if program not in {number for number, _ in poll.poll()}:
        signal.pidfd_send_signal(program, signal.SIGINT)
        poll.unregister(channel)
        poll.poll(seconds * 1000)
    os.close(program)


def _hand_over(kinds: list[str], channel: socket.socket) -> None:
    """Send the namespaces; only this process may open its own."""
    opened = [
        os.open(f"/proc/self/ns/{_KINDS[kind][1]}", os.O_RDONLY) for kind in kinds
    ]
    socket.send_fds(channel, [b"made"], opened)
    for each in opened:
        os.close(each)


def _tell(channel: socket.socket, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        said = error.strerror if isinstance(error, OSError) else None
        channel.send((said or str(error) or repr(error)).encode()[:_LONGEST])


def _forget_signals() -> None:
    """Reset the supervisor's signal handlers, which must not run in this process."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _close_all(channel: socket.socket) -> None:
    """Close all inherited descriptors but *channel*."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, channel.fileno())
    os.closerange(channel.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
