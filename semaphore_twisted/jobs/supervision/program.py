"""The supervisor's program: set-up, the job, and the exit status."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import sys
import traceback

from semaphore_twisted.jobs.supervision import linux
from semaphore_twisted.jobs.supervision.control import Control
from semaphore_twisted.jobs.supervision.event_loop import EventLoop
from semaphore_twisted.jobs.supervision.job import Job
from semaphore_twisted.jobs.supervision.journal import Journal
from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.specification import Specification, load

#: The server may pass the lock of the spool, already held, as this descriptor.
LOCK = 3
#: Exit status for a temporary shortage, and the errors that indicate one
#: (``jobs.shortages``).
TEMPORARY = 75
_SHORTAGES = {
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
}
#: Written to standard output once the spool is locked.
READY = b"R"


def main() -> int:
    """Run the job on standard input; return the exit status of the supervisor."""
    os.umask(0o077)
    with contextlib.suppress(PermissionError):
        # A group leader cannot call setsid(), and does not need to.
        os.setsid()
    linux.hide_memory()
    linux.adopt_orphans()
    with open(0, "rb", closefd=False) as stdin:
        data = stdin.read()
    specification = load(data)
    del data
    os.chdir(specification.spool)
    held = _lock()
    _close_others(held)
    _run(specification)
    return 0


def _lock() -> int:
    """Take the lock of the spool for this process's life."""
    descriptor = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if descriptor != LOCK and os.path.sameopenfile(LOCK, descriptor):
            os.close(descriptor)
            os.set_inheritable(LOCK, False)  # noqa: FBT003 - no keyword
            descriptor = LOCK
    except OSError:
        pass
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _close_others(held: int) -> None:
    """Close descriptors that were inherited by mistake."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor != held:
            try:
                os.close(descriptor)
            except OSError:
                continue


def _run(specification: Specification) -> None:
    """Create the parts of the supervisor and run the job."""
    masker = Masker(specification.masks)
    loop = EventLoop()
    journal = Journal(
        masker=masker,
        limit=specification.max_output_bytes,
        reserve=specification.disk_reserve,
        offset=specification.offset,
        written=loop.notify,
    )
    job = Job(specification, journal=journal, masker=masker, loop=loop)
    control = loop.control = Control(ordered=job.order)
    for number in (signal.SIGHUP, signal.SIGINT):
        # A handler, unlike SIG_IGN, is not inherited by the job.
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: job.order("stop"))
    os.write(1, READY)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0, inheritable=False)
    os.dup2(null, 1, inheritable=False)
    os.close(null)
    try:
        job.run()
    finally:
        control.close()


def run() -> None:
    """Run as a program; errors go to standard error, which is a file in the spool."""
    try:
        status = main()
    except Exception as error:  # noqa: BLE001 - the last place that can report it
        status = 1
        if isinstance(error, OSError) and error.errno in _SHORTAGES:
            status = TEMPORARY
            sys.stderr.write(f"{error.strerror}\n")
        else:
            traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)
