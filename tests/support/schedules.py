"""Schedules in the store of a test."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from semaphore_twisted.model.ids import ScheduleId, TemplateId
from semaphore_twisted.model.projects import Project
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection

_RUNS = select(schema.schedule_run.c.outcome).order_by(
    schema.schedule_run.c.schedule_id, schema.schedule_run.c.due
)
_TASKS = select(schema.task.c.id).order_by(schema.task.c.id)


def make_schedule(
    conn: Connection, project: Project, template_id: TemplateId, **columns: Any
) -> ScheduleId:
    """Store a schedule that is due each hour, and in a minute for the first time."""
    values: dict[str, Any] = {
        "name": "Hourly",
        "cron_format": "@every 1h",
        "active": True,
        "next_run": conn.now + timedelta(minutes=1),
        **columns,
    }
    return ScheduleId(
        conn.insert(
            schema.schedule,
            uuid=conn.uuid(),
            project_id=project.id,
            template_id=template_id,
            **values,
        )
    )


def outcomes(conn: Connection) -> list[str]:
    """Return the outcomes of all due times, by schedule and time."""
    return conn.column(_RUNS)


def task_ids(conn: Connection) -> list[int]:
    """Return the ids of all tasks."""
    return conn.column(_TASKS)
