"""The rules of schedules: the body of requests, and its checks."""

from datetime import datetime
from typing import Annotated

import msgspec

from semaphore_twisted.model import cron
from semaphore_twisted.model.documents import JsonObject, json_object
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.ids import (
    ProjectId,
    RepositoryId,
    TemplateId,
)
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.schedules import (
    FIRST_YEAR,
    LAST_YEAR,
    CatchUp,
    Overrun,
    ScheduleType,
    timetable_of,
)
from semaphore_twisted.model.templates import SurveyType, Template
from semaphore_twisted.model.texts import (
    SCHEDULE_TASK,
    Name,
    TaskText,
)
from semaphore_twisted.operations.projects.references import (
    check,
    check_text,
    id_or_none,
)
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.tasks.task_settings import (
    TaskSettings,
    check_settings,
)
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import (
    repositories as of_repositories,
)


class ScheduledTask(TaskSettings, frozen=True, kw_only=True):
    """The parameters of the tasks that a schedule starts; as in a new task.

    *environment*, *secret* and *arguments* are JSON inside a string. Values of secret
    variables, in *secret*, are stored encrypted and never shown. A stored one that is
    not named there is kept; an empty text deletes the one that it is sent for, ``{}``
    all.
    """

    secret: TaskText = ""


class NewSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a schedule.

    *cron_format* is an expression as ``docs/schedules.md`` describes, *run_at* the time
    of a schedule of the type ``run_at``. With *repository_id* a task is started at a
    due time only if the repository's branch has a new commit.
    """

    template_id: TemplateId
    name: Name = ""
    cron_format: Name = ""
    timezone: Name = ""
    active: bool = False
    repository_id: RepositoryId | None = None
    type: ScheduleType = ScheduleType.CRON
    run_at: datetime | None = None
    delete_after_run: bool = False
    catch_up: CatchUp = CatchUp.NONE
    overrun: Overrun = Overrun.QUEUE
    task_params: Annotated[ScheduledTask, SCHEDULE_TASK] | None = None


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that switches a schedule on or off."""

    active: bool


def checked(
    conn: Connection, project_id: ProjectId, new: NewSchedule, usual_zone: str
) -> JsonObject:
    """Return the columns of *new*, but those of its task and its next due time.

    :raises Invalid: naming the field that is wrong
    """
    check_text(new.name, "name")
    if new.timezone:
        _ = cron.zone_of(new.timezone)
    if new.type is ScheduleType.CRON:
        _ = timetable_of(new.cron_format, new.timezone, usual_zone)
    elif new.run_at is None:
        raise Invalid(
            'run_at: missing; expected a time such as "2026-12-24T18:00:00Z", as the '
            'type is "run_at"'
        )
    if new.run_at is not None:
        if new.run_at.tzinfo is None:
            raise Invalid(
                'run_at: a time without an offset; expected "Z" or such as "+01:00" '
                "at its end"
            )
        if not FIRST_YEAR <= new.run_at.year <= LAST_YEAR:
            raise Invalid(f"run_at: expected a year from {FIRST_YEAR} to {LAST_YEAR}")
        if new.active and has_passed(new, conn.now):
            raise Invalid("run_at: this time has passed; expected a coming one")
    repository_id = id_or_none(new.repository_id)
    _ = check(
        conn,
        of_repositories.by_id,
        project_id=project_id,
        number=repository_id,
        field="repository_id",
    )
    if repository_id is not None and new.type is ScheduleType.RUN_AT:
        raise Invalid(
            "repository_id: a schedule that runs once does not wait for a commit"
        )
    return {
        "template_id": new.template_id,
        "name": new.name,
        "cron_format": new.cron_format,
        "timezone": new.timezone,
        "active": new.active,
        "repository_id": repository_id,
        "type": new.type,
        "run_at": new.run_at,
        "delete_after_run": new.delete_after_run,
        "catch_up": new.catch_up,
        "overrun": new.overrun,
    }


def has_passed(new: NewSchedule, now: datetime) -> bool:
    """Return whether the only run of *new* would have been before *now*."""
    return (
        new.type is ScheduleType.RUN_AT
        and new.run_at is not None
        and new.run_at.tzinfo is not None  # else it is refused
        and new.run_at <= now
    )


def template(
    conn: Connection, project_id: ProjectId, template_id: TemplateId
) -> Template:
    """Return the template of a schedule.

    :raises Invalid: if the project has none with this id
    """
    try:
        return template_of(conn, project_id, template_id)
    except NotFound:
        raise Invalid(
            f"template_id: there is no {template_id} in this project"
        ) from None


def sent_secrets(sent: ScheduledTask) -> dict[str, str] | None:
    """Return the values of secret variables in *sent*; None if nothing is sent.

    :raises Invalid: if *sent* has no object of texts
    """
    if not sent.secret:
        return None
    with at_field("task_params.secret"):
        values = json_object(sent.secret, "secret")
    for name, value in values.items():
        if not isinstance(value, str):
            raise Invalid(
                f"The variable {quoted(name)} must be a text",
                field="task_params.secret",
            )
    return {name: str(value) for name, value in values.items()}


def secret_answers(
    sent: ScheduledTask, stored: dict[str, str], of: Template
) -> dict[str, str]:
    """Return the values of secret variables: those *sent*, and the other *stored* ones.

    Stored values of variables that the template does not ask for any more are dropped.

    :raises Invalid: if *sent* has no object of texts
    """
    values = sent_secrets(sent)
    if values == {}:
        return {}
    asked = {
        each.name for each in of.survey_vars or () if each.kind is SurveyType.SECRET
    }
    kept = {name: value for name, value in stored.items() if name in asked}
    return {name: value for name, value in (kept | (values or {})).items() if value}


def new_task(
    template_id: TemplateId, sent: ScheduledTask, secrets: dict[str, str]
) -> NewTask:
    """Return the request for a task that *sent* stands for."""
    return NewTask(
        template_id=template_id,
        secret=msgspec.json.encode(secrets).decode() if secrets else "",
        **sent.served,
    )


def check_task(
    conn: Connection, of: Template, sent: ScheduledTask, secrets: dict[str, str]
) -> None:
    """Check the parameters by the rules of a new task.

    :raises Invalid: as for a new task; the field is inside ``task_params``
    """
    check_settings(conn, of, new_task(of.id, sent, secrets))


def stored(sent: ScheduledTask, secrets: dict[str, str]) -> JsonObject:
    """Return the parameters as they are stored: without values of secret variables."""
    return {**sent.stored, "secrets": sorted(secrets)}
