"""Carries out a specification in this thread, for tests of what its steps do."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import msgspec

from semaphore_twisted.jobs.steps import JobSpecification, Step


class Ran(msgspec.Struct, kw_only=True):
    """What came out of a job."""

    status: str = "success"
    step: str = ""
    lines: list[str] = []
    facts: dict[str, str] = {}
    seconds: float = 0

    @property
    def log(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def run(specification: JobSpecification, *, keep: bool = False) -> Ran:
    """Bring the job to its end; *keep* leaves the workspace in its place."""
    ran = Ran()
    began = time.monotonic()
    Path(specification.spool).mkdir(parents=True, mode=0o700, exist_ok=True)
    workspace = Path(specification.workspace)
    workspace.mkdir(parents=True, mode=0o700)
    for file in specification.files:
        path = workspace / file.path
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o700 if file.executable else 0o600)
    background: list[subprocess.Popen[bytes]] = []
    try:
        for step in specification.steps:
            if not _run(step, workspace, ran, background):
                break
    finally:
        for process in background:
            process.terminate()
            process.wait()
        for step in specification.finally_steps:
            _run(step, workspace, Ran(), [])
        if not keep:
            shutil.rmtree(workspace)
    for mask in specification.masks:
        text = mask.decode(errors="replace")
        ran.lines = [line.replace(text, "***") for line in ran.lines]
    ran.seconds = time.monotonic() - began
    return ran


def _run(
    step: Step, workspace: Path, ran: Ran, background: list[subprocess.Popen[bytes]]
) -> bool:
    def expand(text: str, ends: dict[str, int]) -> str:
        for name, end in ends.items():
            text = text.replace(f"{{pipe:{name}}}", f"/dev/fd/{end}")
        return text.replace("{workspace}", str(workspace))

    if step.requires and not Path(expand(step.requires, {})).exists():
        ran.lines += step.absent
        return True
    ran.lines += step.announce
    if step.lock:
        Path(step.lock).parent.mkdir(parents=True, exist_ok=True)
    ends: dict[str, int] = {}
    for pipe in step.pipes:
        ends[pipe.name], write = os.pipe()
        os.write(write, pipe.content)
        os.close(write)
    process = subprocess.Popen(
        [expand(word, ends) for word in step.argv],
        cwd=expand(step.cwd, ends),
        env={name: expand(value, ends) for name, value in step.environ.items()},
        stdin=subprocess.PIPE if step.stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(ends.values()),
        start_new_session=True,
    )
    for end in ends.values():
        os.close(end)
    if step.background:
        background.append(process)
        ready = Path(expand(step.ready or "/", ends))
        limit = time.monotonic() + 10
        while not ready.exists() and time.monotonic() < limit:
            time.sleep(0.005)
        return ready.exists()
    timer = threading.Timer(step.time_limit or 60, process.kill)
    timer.start()
    output, _ = process.communicate(step.stdin)
    timer.cancel()
    said = output.decode(errors="replace").splitlines()
    status = process.returncode
    outcome = step.exits.get(str(status), "error" if status else "next")
    if step.capture and outcome == "next":
        ran.facts[step.capture] = "\n".join(said)
    elif not step.quiet or outcome == "error":
        ran.lines += said
    if outcome == "next":
        return True
    ran.status = outcome
    if outcome == "error":
        ran.step = step.name
        if step.failure:
            ran.lines.append(step.failure)
        ran.lines.append(f"{step.name}: exit status {status}")
    return False
