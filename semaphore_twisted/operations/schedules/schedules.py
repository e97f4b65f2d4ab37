"""Operations on schedules: list, create, change, switch and delete."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec
from attrs import frozen
from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.errors import Conflict, DomainError, Invalid, NotFound
from semaphore_twisted.model.ids import ProjectId, ScheduleId, TemplateId
from semaphore_twisted.model.schedules import (
    SHOWN_RUNS,
    Schedule,
    ScheduleInList,
    ScheduleRun,
    ScheduleType,
    timetable_of,
)
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.schedules import rules
from semaphore_twisted.operations.schedules.rules import NewSchedule, ScheduledTask
from semaphore_twisted.operations.tasks.secrets import open_schedule, schedule_context
from semaphore_twisted.operations.tasks.task_settings import stored_settings
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import schedules as statements
from semaphore_twisted.persistence.statements.tasks import tasks as of_tasks

S = TypeVar("S", bound=Schedule)

#: Fields that decide when a schedule is due: a change of one of them begins anew.
_TIMING = ("cron_format", "timezone", "type", "run_at", "repository_id")

#: Fields that decide which branch is read for new commits.
_BRANCH = ("repository_id", "template_id")


class _ScheduleMachinery(msgspec.Struct, frozen=True):
    uuid: str
    secret: str | None
    last_commit_hash: str | None


def listed(
    conn: Connection, actor: Actor, usual_zone: str, *, commits: bool
) -> list[ScheduleInList]:
    """Return the schedules of the project by name.

    Without *commits* those that wait for commits are left out, as in Semaphore.
    """
    project_id = project_of(actor)
    rows = conn.all(statements.of_project, ScheduleInList, project_id=project_id)
    chosen = [each for each in rows if commits or each.repository_id is None]
    return _shown(conn, project_id, chosen, usual_zone)


def of_template(
    conn: Connection,
    actor: Actor,
    template_id: TemplateId,
    usual_zone: str,
    *,
    every: bool,
) -> list[ScheduleInList]:
    """Return the schedules of a template by name.

    Without *every* only those that wait for commits, as in Semaphore.

    :raises NotFound: if the project has no such template
    """
    project_id = project_of(actor)
    _ = template_of(conn, project_id, template_id)
    rows = conn.all(
        statements.of_template,
        ScheduleInList,
        project_id=project_id,
        template_id=template_id,
    )
    chosen = [each for each in rows if every or each.repository_id is not None]
    return _shown(conn, project_id, chosen, usual_zone)


def stored(conn: Connection, actor: Actor, schedule_id: int) -> Schedule:
    """Return a schedule of the project, with the fields that are stored only.

    :raises NotFound: if there is none
    """
    row = conn.one(
        statements.by_id, Schedule, project_id=project_of(actor), id=schedule_id
    )
    if row is None:
        raise NotFound
    return row


def with_usual_zone(conn: Connection, actor: Actor, schedule_id: int) -> Schedule:
    """Return a schedule of the project, for what does not depend on its times.

    :raises NotFound: if there is none
    """
    return get(conn, actor, schedule_id, "UTC")


def get(conn: Connection, actor: Actor, schedule_id: int, usual_zone: str) -> Schedule:
    """Return a schedule of the project.

    :raises NotFound: if there is none
    """
    row = stored(conn, actor, schedule_id)
    (shown,) = _shown(conn, project_of(actor), [row], usual_zone)
    return shown


def create(
    conn: Connection,
    actor: Actor,
    new: NewSchedule,
    *,
    keyring: Keyring,
    usual_zone: str,
    missing: Collection[str] = (),
) -> Schedule:
    """Create a schedule.

    *missing* are secret variables whose values are still to be entered; until then its
    runs fail if the template requires them.

    :raises Invalid: naming the field that is wrong
    :raises Conflict: if the project has as many schedules as it may
    """
    texts.check(new)
    project_id = project_of(actor)
    if conn.scalar(statements.count, project_id=project_id) >= (
        most := limits.SCHEDULES_OF_PROJECT
    ):
        raise Conflict(f"The project has {most} schedules already; delete one first")
    values = rules.checked(conn, project_id, new, usual_zone)
    template = rules.template(conn, project_id, new.template_id)
    uuid = conn.uuid()
    sealer = _Sealer(conn, keyring, project_id, uuid)
    task = _task(sealer, template, new.task_params, {}, missing)
    number = conn.insert(
        schema.schedule,
        uuid=uuid,
        project_id=project_id,
        next_run=first_run(new, conn.now, usual_zone) if new.active else None,
        **values,
        **task,
    )
    events.SCHEDULE.record(conn, actor, number, _called(new.name, number), "created")
    return get(conn, actor, number, usual_zone)


def change(
    conn: Connection,
    actor: Actor,
    schedule_id: int,
    new: NewSchedule,
    *,
    keyring: Keyring,
    usual_zone: str,
) -> None:
    """Replace a schedule.

    Without ``task_params`` the stored parameters are kept, so a client that does not
    know them loses nothing.

    :raises Invalid: naming the field that is wrong
    :raises SecretUnreadable: if stored secrets are kept and cannot be decrypted
    """
    before = stored(conn, actor, schedule_id)
    texts.check(new, before)
    project_id = project_of(actor)
    values = rules.checked(conn, project_id, new, usual_zone)
    template = rules.template(conn, project_id, new.template_id)
    found = _machinery(conn, before.id)
    sent = new.task_params
    if sent is None:
        sent = _parameters(before)
    sealer = _Sealer(conn, keyring, project_id, found.uuid)
    secrets = {}
    if not (sent and _replaces_all(sent, before)):
        secrets = sealer.opened(before.id, found.secret)
    task = _task(sealer, template, sent, secrets)
    begins = _differs(new, before, _BRANCH) or (new.active and not before.active)
    if begins:
        values["last_commit_hash"] = None
    reads = begins and new.repository_id is not None
    if not new.active:
        values["next_run"] = None
    elif reads or before.next_run is None or _differs(new, before, _TIMING):
        values["next_run"] = first_run(new, conn.now, usual_zone, reads=begins)
    conn.update(schema.schedule, before.id, **values, **task)
    name = _called(new.name, before.id)
    events.SCHEDULE.record(conn, actor, before.id, name, "changed")


def switch(
    conn: Connection, actor: Actor, schedule_id: int, usual_zone: str, *, active: bool
) -> None:
    """Switch a schedule on or off; its times count from now.

    :raises Invalid: if it cannot be switched on, since its time has passed
    """
    before = stored(conn, actor, schedule_id)
    if before.active == active:
        return
    passed = before.run_at is None or before.run_at <= conn.now
    if active and before.type is ScheduleType.RUN_AT and passed:
        raise Invalid(
            "run_at: this time has passed; choose a coming one", field="active"
        )
    values: dict[str, object] = {"active": active, "next_run": None}
    if active:
        values["next_run"] = first_run(before, conn.now, usual_zone)
        values["last_commit_hash"] = None
    conn.update(schema.schedule, before.id, **values)
    what = "switched on" if active else "switched off"
    name = _called(before.name, before.id)
    events.SCHEDULE.record(conn, actor, before.id, name, what)


def delete(conn: Connection, actor: Actor, schedule_id: int) -> None:
    """Delete a schedule; tasks that it has started are kept."""
    before = stored(conn, actor, schedule_id)
    conn.delete(schema.schedule, before.id)
    name = _called(before.name, before.id)
    events.SCHEDULE.record(conn, actor, before.id, name, "deleted")


# What other operations on schedules need


def first_run(
    of: Schedule | NewSchedule, now: datetime, usual_zone: str, *, reads: bool = True
) -> datetime | None:
    """Return the first due time of a schedule that is saved or switched on *now*.

    A schedule that waits for commits is due at once if it *reads* its branch anew: the
    commits after that are new.
    """
    if of.type is ScheduleType.RUN_AT:
        return of.run_at
    if of.repository_id and reads:
        return now
    return timetable_of(of.cron_format, of.timezone, usual_zone).after(now)


def parameters(
    conn: Connection, keyring: Keyring, of: Schedule
) -> tuple[ScheduledTask, dict[str, str]]:
    """Return the parameters of a schedule's tasks, and the values of its secrets.

    :raises SecretUnreadable: if they cannot be decrypted
    """
    found = _machinery(conn, of.id)
    sealer = _Sealer(conn, keyring, of.project_id, found.uuid)
    secrets = sealer.opened(of.id, found.secret)
    return _parameters(of) or ScheduledTask(), secrets


def last_commit(conn: Connection, of: Schedule, source: str) -> str | None:
    """Return the commit that was last seen; ``None`` if *source* was never read.

    A commit that an older release stored has no source: it counts as one of *source*.
    """
    stored = _machinery(conn, of.id).last_commit_hash or ""
    commit, _, found = stored.partition(" ")
    return commit or None if found in {"", source} else None


def store_commit(conn: Connection, of: Schedule, source: str, commit: str) -> None:
    """Store the *commit* that was last seen of *source*."""
    conn.update(schema.schedule, of.id, last_commit_hash=f"{commit} {source}")


def _called(name: str, number: int) -> str:
    return name or f"{number}"


def _differs(new: NewSchedule, before: Schedule, fields: Iterable[str]) -> bool:
    return any(
        (getattr(new, each) or None) != (getattr(before, each) or None)
        for each in fields
    )


def _machinery(conn: Connection, schedule_id: ScheduleId) -> _ScheduleMachinery:
    found = conn.one(statements.machinery, _ScheduleMachinery, id=schedule_id)
    if found is None:
        raise NotFound
    return found


def _parameters(of: Schedule) -> ScheduledTask | None:
    if of.task_params is None:
        return None
    return stored_settings(of.task_params, ScheduledTask)


@frozen
class _Sealer:
    """Seals and opens the secret answers of one schedule, by the *uuid* of its row."""

    conn: Connection
    keyring: Keyring
    project_id: ProjectId
    uuid: str

    @property
    def _context(self) -> SealContext:
        project = self.conn.scalar(of_tasks.project_uuid, id=self.project_id)
        return schedule_context(self.uuid, project)

    def opened(self, schedule_id: ScheduleId, sealed: str | None) -> dict[str, str]:
        return open_schedule(
            self.keyring, sealed, schedule_id=schedule_id, context=self._context
        )

    def sealed(self, secrets: dict[str, str]) -> str | None:
        if not secrets:
            return None
        return self.keyring.seal(msgspec.json.encode(secrets), self._context)


def _task(
    sealer: _Sealer,
    template: Template,
    sent: ScheduledTask | None,
    before: dict[str, str],
    missing: Collection[str] = (),
) -> dict[str, object]:
    """Return the columns of the task's checked parameters.

    *before* are the values of secrets that are stored, *missing* the names of secrets
    that are still to be entered.
    """
    given = sent or ScheduledTask()
    secrets = rules.secret_answers(given, before, template)
    rules.check_task(sealer.conn, _not_requiring(template, missing), given, secrets)
    if sent is None:
        return {"task_params": None, "secret": None}
    return {
        "task_params": rules.stored(given, secrets),
        "secret": sealer.sealed(secrets),
    }


def _replaces_all(sent: ScheduledTask, before: Schedule) -> bool:
    """Return whether no stored secret is kept: these may be ones that cannot be opened.

    :raises Invalid: if *sent* has no object of texts
    """
    values = rules.sent_secrets(sent)
    if not values:
        return values == {}
    return set(_stored_secrets(before)) <= set(values)


def _not_requiring(template: Template, names: Collection[str]) -> Template:
    """Return *template* with a survey that does not require the variables *names*."""
    survey = tuple(
        replace(each, required=False) if each.name in names else each
        for each in template.survey_vars or ()
    )
    return replace(template, survey_vars=survey)


# What is shown


def _shown(
    conn: Connection, project_id: ProjectId, rows: list[S], usual_zone: str
) -> list[S]:
    """Return *rows* with all that is not stored in them."""
    only = rows[0].id if len(rows) == 1 else 0
    last, started = (
        {
            each.schedule_id: each
            for each in conn.all(
                statement, ScheduleRun, project_id=project_id, only=only
            )
        }
        for statement in (statements.last_runs, statements.last_started)
    )
    return [
        replace(
            _with_times(each, usual_zone),
            last_run=last.get(each.id),
            last_started=started.get(each.id),
        )
        for each in rows
    ]


def _stored_secrets(of: Schedule) -> tuple[str, ...]:
    """Return the names of the secret variables whose values are stored."""
    return tuple(map(str, (of.task_params or {}).get("secrets") or ()))


def _with_times(of: S, usual_zone: str) -> S:
    params = dict(of.task_params or {})
    params.pop("secrets", None)
    shown = replace(
        of,
        task_params=None if of.task_params is None else params,
        secrets=_stored_secrets(of),
        zone=of.timezone or usual_zone,
    )
    if of.type is ScheduleType.RUN_AT:
        coming = () if of.next_run is None else (of.next_run,)
        return replace(shown, next_runs=coming)
    try:
        times = timetable_of(of.cron_format, of.timezone, usual_zone)
    except DomainError:  # of an older release, or a zone that is gone; its run says so
        return shown
    return replace(
        shown,
        zone=times.zone.key,
        parts=times.expression.parts,
        runs_per_hour=times.expression.most_in_an_hour,
        next_runs=times.coming(of.next_run, SHOWN_RUNS),
    )
