"""Runs a job under the real supervisor until its end, for integration tests."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.jobs import spool, supervisor
from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import JobOptions, JobOrder
from semaphore_twisted.model.jobs import JobSpecification
from semaphore_twisted.model.results import JobEvent, PlanMade
from semaphore_twisted.tasks.log_places import LogPlaces
from tests.support.gitserver import Repository
from tests.support.orders import options

T = TypeVar("T")


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job."""

    status: str
    step: str
    reason: str
    lines: list[str]
    facts: dict[str, str]
    seconds: float
    #: What the job reported, with the numbers of lines of the log.
    events: list[JobEvent]

    @property
    def log(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def run(
    made: JobSpecification,
    *,
    timeout: float = 120,
    meanwhile: Callable[[Path], None] = lambda _: None,
) -> Ran:
    """Run the job to its end, and remove its spool as the server does.

    *meanwhile* is called with the spool while the job runs.
    """
    folder = Path(made.spool)
    folder.mkdir(mode=0o700)
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", str(supervisor.__file__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(made))
        process.stdin.close()
        try:
            meanwhile(folder)
        except BaseException:
            process.terminate()
            raise
        assert process.wait(timeout) == 0
    seconds = time.monotonic() - began
    result = spool.result((folder / "result").read_bytes())
    records, _ = spool.decode((folder / "output").read_bytes())
    shutil.rmtree(folder)
    text = b""
    events: list[JobEvent] = []
    for record in records:
        if record.kind == spool.RecordKind.PLAN:
            events.append(JobEvent(1, record.time, PlanMade(record.body)))
        if record.kind == spool.RecordKind.REPORT:
            line = text.count(b"\n") + 1
            events.append(JobEvent(line, record.time, spool.report(record.body)))
        if record.kind not in {
            spool.RecordKind.OUTPUT,
            spool.RecordKind.NOTE,
            spool.RecordKind.PART,
        }:
            continue
        text += record.body
        if record.kind != spool.RecordKind.PART and not text.endswith(b"\n"):
            text += b"\n"
    lines = text.decode(errors="replace").split("\n")[:-1]
    return Ran(
        status=result.status,
        step=result.step,
        reason=result.reason,
        lines=text.decode(errors="replace").splitlines(),
        facts=dict(
            spool.fact(record.body)
            for record in records
            if record.kind == spool.RecordKind.FACT
        ),
        seconds=seconds,
        events=list(LogPlaces().found(lines, events)),
    )


class JobCase(SynchronousTestCase):
    """Base class of tests that run jobs in an installation of their own."""

    options: JobOptions
    folder: Path
    #: The file to which :attr:`photograph` writes.
    photo: Path

    @override
    def setUp(self) -> None:
        """Create the directory of the installation; sockets need a short path."""
        self.addCleanup(os.umask, os.umask(0o022))
        self.folder = Path(tempfile.mkdtemp(prefix="job-"))
        self.photo = Path(f"{self.folder}-photo")
        for folder in (self.folder, self.photo):
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name in ("workspaces", "jobs", "repositories"):
            (self.folder / name).mkdir(mode=0o700)
        self.options = options(self.folder)

    @property
    def photograph(self) -> str:
        """A script that records what a job can read: files, arguments, environments."""
        return (
            f"cp -a {self.folder}/. {self.photo} 2>/dev/null\n"
            f"mkdir -p {self.photo}/processes; cd {self.photo}/processes\n"
            "for p in /proc/[0-9]*; do\n"
            "  cp $p/cmdline cmdline_${p#/proc/} 2>/dev/null\n"
            "  cp $p/environ environ_${p#/proc/} 2>/dev/null\n"
            "done\necho taken\n"
        )

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter *context* until the test ends."""
        found = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return found

    def repository(self, name: str = "up", *, branch: str = "main") -> Repository:
        """Make a repository in the installation's folder."""
        return Repository(self.folder / name, branch=branch)

    def run_job(self, order: JobOrder, *, masked: bool = True, **fields: Any) -> Ran:
        """Run *order* to its end; *fields* override the installation's options."""
        made = specification(order, replace(self.options, **fields))
        return run(made if masked else replace(made, masks=()))

    def assert_nowhere(self, ran: Ran, *secrets: str) -> None:
        """Fail if one of *secrets* is in the log, in remaining files, or in the photo.

        The job must have run without masks, which would hide a leak in the log.
        """
        files = [
            path
            for root in (self.folder, self.photo)
            for path in root.rglob("*")
            if path.is_file() and not path.is_symlink()
        ]
        for secret in secrets:
            self.assertNotIn(secret, ran.log)
            for path in files:
                self.assertNotIn(secret.encode(), path.read_bytes(), str(path))
