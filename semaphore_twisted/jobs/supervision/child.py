"""Starts the program of a step.

Between fork and exec the child becomes the leader of its own session, is tied to the
supervisor's life, and switches the user if needed. It inherits only its standard
streams and the pipes of the step.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import signal

from semaphore_twisted.jobs.supervision import ansible_config, linux, patience
from semaphore_twisted.jobs.supervision.specification import (
    ReadStep,
    Specification,
    expand,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from semaphore_twisted.jobs.supervision.namespaces import Namespaces

_SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
_PIPE_SIZE = 1 << 20
#: Signals that are reset: Python ignores some, and ignored signals survive an exec.
_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD),
    *(signal.SIGPIPE, signal.SIGXFSZ),
)
_HINTS = {
    "git": "the package git",
    "ssh": "the package openssh-client",
    "ssh-add": "the package openssh-client",
    "ssh-agent": "the package openssh-client",
    "ssh-keygen": "the package openssh-client",
    "sshpass": "the package sshpass",
}


class StartFailed(Exception):
    """A program could not be started; the text is a sentence for a person."""


class ProcessUser:
    """The user that a step runs as."""

    def __init__(self, uid: int, gid: int | None) -> None:
        self.uid = uid
        try:
            known = pwd.getpwuid(uid)
        except KeyError:
            self.gid = uid if gid is None else gid
            self.groups: list[int] = []
        else:
            self.gid = known.pw_gid if gid is None else gid
            self.groups = os.getgrouplist(known.pw_name, self.gid)

    def become(self) -> None:
        """Switch this process to the user, permanently."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        linux.renounce_privileges()


def name_of(user: ProcessUser | None) -> str:
    """Return the name of *user*, or of this process's user for ``None``.

    A user id without an account has the returned name in the job's ``/etc/passwd``.
    """
    uid = os.geteuid() if user is None else user.uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"job{uid}"


def user_of(specification: Specification) -> ProcessUser | None:
    """Return the job's user, or ``None`` if it is the supervisor's."""
    if specification.uid is None:
        return None
    return ProcessUser(specification.uid, specification.gid)


class Child:
    """A started program: its process id, outputs and pending input."""

    def __init__(self, pid: int, outputs: list[int]) -> None:
        self.pid = pid
        #: One stream for standard output and errors, or two separate ones.
        self.outputs = outputs
        #: Write ends of pipes, with the data still to be written.
        self.feeds: dict[int, memoryview] = {}


def start(
    step: ReadStep,
    *,
    workspace: str,
    mark: str,
    user: ProcessUser | None,
    namespaces: Namespaces | None = None,
    files: dict[str, int] | None = None,
) -> Child:
    """Start the program of *step*, in *namespaces* if the step uses them.

    It inherits the files in memory *files*, descriptors by name.

    :raises StartFailed: if that fails.
    """
    if not step.as_user:
        user = None
    if not (step.as_user and step.inside):
        namespaces = None
    opened: list[int] = []
    try:
        child = _start(
            step,
            workspace=workspace,
            mark=mark,
            user=user,
            namespaces=namespaces,
            opened=opened,
            files=files or {},
        )
        if step.patience:
            role = patience.SERVICE if step.background else patience.PROGRAM
            patience.record(role, child.pid, step.patience)
            if namespaces is not None:
                namespaces.attend(child.pid, step.patience)
        return child
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _start(
    step: ReadStep,
    *,
    workspace: str,
    mark: str,
    user: ProcessUser | None,
    namespaces: Namespaces | None,
    opened: list[int],
    files: dict[str, int],
) -> Child:
    """Start it, and add descriptors to *opened* that the caller must close."""
    feeds: dict[int, bytes] = {}
    keep: list[int] = []

    def pipe_in(content: bytes) -> int:
        reader, writer = _pipe(user, len(content))
        opened.append(reader)
        keep.append(writer)
        os.set_blocking(writer, False)
        feeds[writer] = content
        return reader

    def memory_in(content: bytes) -> int:
        number = _memory(user, content)
        opened.append(number)
        return number

    def pipe_out() -> int:
        # A program with patience can write after the supervisor has vanished: it has
        # the reading end too, so the system sends it no SIGPIPE.
        reader, writer = _pipe(user, _PIPE_SIZE, both=bool(step.patience))
        opened.append(writer)
        keep.append(reader)
        os.set_blocking(reader, False)
        return writer

    try:
        if step.stdin is None:
            stdin = os.open("/dev/null", os.O_RDONLY)
            opened.append(stdin)
        else:
            stdin = pipe_in(step.stdin)
        pipes = {
            name: memory_in(content) if name in step.reread else pipe_in(content)
            for name, content in step.pipes.items()
        } | files
        output = pipe_out()
        errors = pipe_out() if step.capture or step.plan else output
        argv = [expand(word, workspace, pipes).encode() for word in step.argv]
        environ = {
            name.encode(): expand(value, workspace, pipes, name_of(user)).encode()
            for name, value in step.environ.items()
        }
        environ[b"JOB_MARK"] = mark.encode()
        cwd = expand(step.cwd, workspace, {})
        _refuse_nul([*argv, *environ, *environ.values(), cwd.encode()])

        def become() -> None:
            os.setsid()
            for ignored in _SIGNALS:
                signal.signal(ignored, signal.SIG_DFL)
            os.dup2(stdin, 0)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            for number in pipes.values():
                os.set_inheritable(number, True)  # noqa: FBT003 - no keyword
            # The workspace is private, so files of the job may have the usual modes.
            os.umask(0o022 if step.as_user else 0o077)
            linux.drop_ambient_capabilities()
            if step.handed:
                os.chdir(cwd)
            if user is not None:
                user.become()

        pid = _fork(
            become,
            _adaptation(step, environ, workspace, mark),
            argv=argv,
            environ=environ,
            # A directory that is handed over has been entered already.
            cwd="." if step.handed else cwd,
            namespaces=namespaces,
            install=step.install,
            death=_death(step),
        )
    except BaseException:
        opened.extend(keep)
        raise
    child = Child(pid, [end for end in keep if end not in feeds])
    child.feeds = {writer: memoryview(content) for writer, content in feeds.items()}
    return child


def _death(step: ReadStep) -> signal.Signals | None:
    """Return the signal that the program of *step* gets when the supervisor vanishes.

    A program with patience is asked to end, as at a stop; a service that it needs then
    continues until it is ended by the cleanup.
    """
    if not step.patience:
        return signal.SIGKILL
    return None if step.background else signal.SIGINT


def _adaptation(
    step: ReadStep, environ: dict[bytes, bytes], workspace: str, mark: str
) -> Callable[[], None]:
    """Return a function that changes *environ* in the child, as *step* needs it."""

    def adapt() -> None:
        if step.reports is not None:
            folder = expand(step.reports, workspace, {}).encode()
            ansible_config.add_reports(environ, mark.encode(), folder)

    return adapt


def _refuse_nul(texts: list[bytes]) -> None:
    """Refuse a text with a NUL byte, which exec cannot pass."""
    if any(b"\0" in text for text in texts):
        raise StartFailed("an argument or a variable has a NUL byte in it")


def _pipe(
    user: ProcessUser | None, size: int, *, both: bool = False
) -> tuple[int, int]:
    """Return a pipe that *user* may reopen as ``/dev/fd/N``, of about *size* bytes.

    With *both* its writing end is a reading end too.
    """
    reader, writer = os.pipe()
    if both:
        os.close(writer)
        writer = os.open(f"/proc/self/fd/{reader}", os.O_RDWR | os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        if size > 65536:
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, min(size, _PIPE_SIZE))
    if user is not None:
        os.fchown(reader, user.uid, user.gid)
    return reader, writer


def _memory(user: ProcessUser | None, content: bytes) -> int:
    """Return a file in memory that *user* may reopen as ``/dev/fd/N``."""
    number = os.memfd_create("job")
    os.fchmod(number, 0o400)
    if user is not None:
        os.fchown(number, user.uid, user.gid)
    with open(number, "wb", closefd=False) as file:
        file.write(content)
    return number


def _fork(
    become: Callable[[], None],
    adapt: Callable[[], None],
    *,
    argv: list[bytes],
    environ: dict[bytes, bytes],
    cwd: str,
    namespaces: Namespaces | None,
    install: str,
    death: signal.Signals | None,
) -> int:
    """Fork and execute; return the child's process id once the program runs."""
    parent: int | None = os.getpid()
    told, tell = os.pipe()
    counted, count = os.pipe()
    pid = os.fork()
    if pid == 0:
        if namespaces is not None and _enter(namespaces, tell=tell, count=count):
            parent = None
        _execute(
            become,
            adapt,
            argv=argv,
            environ=environ,
            cwd=cwd,
            parent=parent,
            death=death,
            tell=tell,
        )
    os.close(tell)
    os.close(count)
    with open(told, "rb") as words, open(counted, "rb") as numbers:
        word, number = words.read(), numbers.read()
    if number:
        # The first child only entered the namespaces; its child was reparented to us.
        os.waitpid(pid, 0)
        pid = int(number)
    if not word:
        return pid
    os.waitpid(pid, 0)
    raise StartFailed(_sentence(word.decode(), argv[0].decode(), cwd, install))


def _enter(namespaces: Namespaces, *, tell: int, count: int) -> bool:
    """Enter the namespaces; return whether they include a process namespace.

    Only children are in a new process namespace, so then a child returns. It needs no
    parent-death signal: the namespace ends with the supervisor.
    """
    try:
        namespaces.enter()
        linux.renounce_privileges()
        linux.forget_keys()
        if namespaces.init is None:
            return False
        if number := os.fork():
            os.write(count, b"%d" % number)
            os._exit(0)
    except OSError as error:
        os.write(tell, f"namespaces {error.errno}".encode())
        os._exit(127)
    os.close(count)
    return True


def _execute(
    become: Callable[[], None],
    adapt: Callable[[], None],
    *,
    argv: list[bytes],
    environ: dict[bytes, bytes],
    cwd: str,
    parent: int | None,
    death: signal.Signals | None,
    tell: int,
) -> None:
    """Execute the program, or report the failure; never return."""
    stage = "start"
    try:
        become()
        if parent is not None:
            if death is not None:
                linux.die_with_parent(death)
            if os.getppid() != parent:
                os._exit(127)
        stage = "folder"
        os.chdir(cwd)
        adapt()
        stage = "program"
        _search(argv, environ)
    except OSError as error:
        os.write(tell, f"{stage} {error.errno}".encode())
    except BaseException as error:  # noqa: BLE001 - nothing may leave the child
        os.write(tell, f"other {error}".encode())
    finally:
        os._exit(127)


def _search(argv: list[bytes], environ: dict[bytes, bytes]) -> None:
    """Execute ``argv[0]``, searched on the step's own PATH.

    :raises OSError: the most informative error of all attempts.
    """
    program = argv[0]
    places: Iterable[bytes] = (program,)
    if b"/" not in program:
        path = environ.get(b"PATH", _SEARCH_PATH.encode())
        # An empty entry would be the current directory, the job's checkout.
        places = [folder + b"/" + program for folder in path.split(b":") if folder]
    failure: OSError | None = None
    for place in places:
        try:
            os.execve(place, argv, environ)  # noqa: S606 - as wanted
        except OSError as error:
            if error.errno == errno.ENOENT and os.path.lexists(place):
                # The file exists, but its interpreter does not.
                failure = OSError(errno.ELIBBAD, "")
            elif error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                failure = failure or error
    raise failure or OSError(errno.ENOENT, "")


def _sentence(word: str, program: str, cwd: str, install: str) -> str:
    """Return the sentence that says why a program did not start."""
    stage, _, rest = word.partition(" ")
    if stage == "other":
        return f"{program} cannot be started: {rest}"
    number = int(rest)
    if stage != "program":
        places = {"folder": f"the directory {cwd}", "namespaces": "its namespaces"}
        what = places.get(stage, program)
        return f"{what} cannot be used: {os.strerror(number)}"
    if number == errno.ENOENT:
        hint = install or _HINTS.get(program.rpartition("/")[2])
        return f"{program}: not found" + (f"; install it with {hint}" if hint else "")
    known = {
        errno.ELIBBAD: "its interpreter (first line, #!) was not found",
        errno.ENOEXEC: "is no program (a script needs #! in its first line)",
    }
    return f"{program}: {known.get(number, os.strerror(number))}"
