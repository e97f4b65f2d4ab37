"""Stores what a job reports beside its output: its stages, and Ansible's results.

Reports come from the job. What exceeds a limit or contradicts an earlier report is
dropped and counted; nothing of it decides about more than how a task is shown.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.results import (
    PREPARATION,
    HandlerBegun,
    HostFailed,
    HostsCounted,
    JobEvent,
    PlayBegun,
    ReportsDropped,
    RunBegun,
    RunEnded,
    RunProgress,
    StepBegun,
    TaskBegun,
    TaskDone,
    TaskStage,
    stage_of,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import results as statements

_COUNTERS = statements.COUNTERS
_MOST = 2**31


class _RunRow(msgspec.Struct):
    """The row of a run while events are recorded."""

    plays: int = 0
    play: int = 0
    play_section: int = 0
    section: int = 0
    hosts: int = 0
    errors: int = 0
    dropped: int = 0


def record(
    conn: Connection, task_id: TaskId, before: int, events: Sequence[JobEvent]
) -> None:
    """Store *events*; their lines count from the line *before*."""
    found = conn.one(statements.run, _RunRow, task_id=task_id)
    recorder = _Recorder(conn, task_id, before, found or _RunRow())
    for event in events:
        recorder.add(event)
    values = msgspec.structs.asdict(recorder.run)
    if found is not None:
        conn.update(schema.task_run, task_id, **values)
    elif recorder.run != _RunRow():
        conn.insert(schema.task_run, task_id=task_id, **values)


def progress(conn: Connection, task_id: TaskId) -> RunProgress | None:
    """Return the play and the task at which a run is; ``None`` before the first."""
    return conn.one(statements.progress, RunProgress, task_id=task_id)


def finish(
    conn: Connection,
    task_id: TaskId,
    *,
    result: str,
    step: str,
    reason: str,
    line: int,
    at: datetime,
) -> None:
    """End the stages and sections of a task that has ended after *line* lines.

    *reason* says why it failed, in its *step*.
    """
    conn.run(statements.end_sections, of_task=task_id, at=at)
    conn.run(statements.end_stage, of_task=task_id, at=at, line=line, said="success")
    if result == "success":
        return
    stages = conn.all(statements.stages, TaskStage, task_id=task_id)
    if not stages:
        if reason:
            _add_failed(conn, task_id, result=result, reason=reason, line=line, at=at)
        return
    wanted = stage_of(step, ())
    failed = next((each for each in stages if each.type == wanted), stages[-1])
    conn.run(
        statements.fail_stage,
        of_task=task_id,
        number=failed.id,
        said=result,
        why=reason,
    )


def _add_failed(
    conn: Connection,
    task_id: TaskId,
    *,
    result: str,
    reason: str,
    line: int,
    at: datetime,
) -> None:
    """Add the stage of a job that did not begin."""
    conn.insert(
        schema.task_stage,
        task_id=task_id,
        id=1,
        type=PREPARATION,
        start=at,
        end=at,
        start_output_id=line,
        end_output_id=line,
        result=result,
        reason=reason,
    )


class _Recorder:
    """Stores the events of one delivery."""

    def __init__(
        self, conn: Connection, task_id: TaskId, before: int, run: _RunRow
    ) -> None:
        self._conn = conn
        self._task = task_id
        self._before = before
        self.run = run

    def add(self, event: JobEvent) -> None:
        """Store one event."""
        at = datetime.fromtimestamp(event.moment, UTC)
        line = max(1, self._before + event.line)
        match event.what:
            case StepBegun(name=name):
                self._stage(name, at, line)
            case RunBegun(plays=plays):
                self.run.plays = plays
            case PlayBegun() | TaskBegun() | HandlerBegun() as begun:
                self._section(begun, at, line)
            case TaskDone() as done:
                self._done(done, at)
            case HostsCounted(rows=rows):
                for host, *counters in rows:
                    self._host(host, counters)
            case HostFailed() as failed:
                self._error(failed, line)
            case RunEnded(errors=count):
                self._end_section(self.run.play_section, at)
                self._drop(count)
            case ReportsDropped(count=count):
                self._drop(count)

    def _drop(self, count: int = 1) -> None:
        self.run.dropped = min(_MOST, self.run.dropped + count)

    def _stage(self, step: str, at: datetime, line: int) -> None:
        """Begin the stage of *step*, unless it is the current one."""
        stages = self._conn.all(statements.stages, TaskStage, task_id=self._task)
        stage = stage_of(step, {each.type for each in stages})
        if stages and stages[-1].type == stage:
            return
        self._conn.run(
            statements.end_stage,
            of_task=self._task,
            at=at,
            line=line - 1,
            said="success",
        )
        self._conn.insert(
            schema.task_stage,
            task_id=self._task,
            id=len(stages) + 1,
            type=stage,
            start=at,
            start_output_id=line,
        )

    def _section(
        self, begun: PlayBegun | TaskBegun | HandlerBegun, at: datetime, line: int
    ) -> None:
        is_play = isinstance(begun, PlayBegun)
        added = self._conn.run(
            statements.add_section,
            task_id=self._task,
            id=begun.number,
            type=begun.__struct_config__.tag,
            name=begun.name,
            play=None if is_play else self.run.play_section,
            start=at,
            line=line,
        )
        if not added:
            self._drop()
            return
        if isinstance(begun, PlayBegun):
            self._end_section(self.run.play_section, at)
            self.run.play = begun.play
            self.run.play_section = begun.number
            self.run.section = 0
        else:
            self.run.section = begun.number

    def _end_section(self, number: int, at: datetime) -> None:
        self._conn.run(statements.end_section, of_task=self._task, number=number, at=at)

    def _done(self, done: TaskDone, at: datetime) -> None:
        counters = {f"n_{each}": getattr(done, each) for each in _COUNTERS}
        one = {"of_task": self._task, "number": done.number}
        if not self._conn.run(statements.count_section, **one, **counters, at=at):
            self._drop()
            return
        play = self._conn.scalar(
            statements.play_of_section, task_id=self._task, number=done.number
        )
        if play is not None:
            one["number"] = play
            self._conn.run(statements.count_play, **one, **counters)

    def _host(self, host: str, counters: Sequence[int]) -> None:
        names = (*_COUNTERS, "rescued")
        values = dict(zip(names, counters, strict=True))
        if self._conn.run(
            statements.count_host,
            of_task=self._task,
            which=host,
            **{f"n_{name}": value for name, value in values.items()},
        ):
            return
        self._add_host(host, **values)

    def _add_host(self, host: str, **values: int) -> None:
        if self.run.hosts >= limits.RESULT_HOSTS:
            self._drop()
            return
        self.run.hosts += 1
        self._conn.insert(
            schema.task_host,
            task_id=self._task,
            id=self.run.hosts,
            host=host,
            **values,
        )

    def _error(self, failed: HostFailed, line: int) -> None:
        if self.run.errors >= limits.RESULT_ERRORS:
            self._drop()
            return
        self.run.errors += 1
        self._conn.insert(
            schema.task_error,
            task_id=self._task,
            id=self.run.errors,
            section=failed.number,
            host=failed.host,
            kind=failed.kind,
            ignored=failed.ignored,
            error=failed.message,
            line=line,
        )
        if failed.ignored:
            return
        note = {
            "of_task": self._task,
            "which": failed.host,
            "at_line": line,
            "number": self.run.errors,
        }
        if not self._conn.run(statements.note_error, **note):
            self._add_host(failed.host, line=line, error=self.run.errors)
