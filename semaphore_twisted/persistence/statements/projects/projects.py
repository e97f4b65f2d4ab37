"""Statements about projects, and the deletion of their contents in order."""

from sqlalchemy import bindparam, delete, exists, or_, select

from semaphore_twisted.persistence.schema import (
    access_key,
    environment,
    inventory,
    project,
    project_user,
    repository,
    task,
    template,
    view,
)
from semaphore_twisted.persistence.statements.tasks.tasks import UNFINISHED

_SHOWN = (
    project.c.id,
    project.c.name,
    project.c.created,
    project.c.alert,
    project.c.alert_chat,
    project.c.max_parallel_tasks,
    project.c.type,
)

every = select(*_SHOWN).order_by(project.c.name, project.c.id)

of_user = (
    select(*_SHOWN)
    .join(project_user, project_user.c.project_id == project.c.id)
    .where(project_user.c.user_id == bindparam("user_id"))
    .order_by(project.c.name, project.c.id)
)

by_id = select(*_SHOWN).where(project.c.id == bindparam("project_id"))

#: Whether a task of the project has started and not ended; read from the index.
active_task = select(
    exists().where(
        task.c.project_id == bindparam("project_id"),
        or_(*(task.c.status == each for each in UNFINISHED if each != "waiting")),
    )
)

#: Referencing tables come first: a restricting foreign key also applies in a cascade.
CONTENTS = tuple(
    delete(table).where(table.c.project_id == bindparam("of_project"))
    for table in (
        task,
        template,
        inventory,
        repository,
        environment,
        access_key,
        view,
        project_user,
    )
)
