"""Statements about builds and their deployments."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import task, template
from semaphore_twisted.persistence.statements.tasks.tasks import awaited

#: The templates of a project that deploy builds.
deploying = (
    select(template.c.id, template.c.name, template.c.build_template_id)
    .where(
        template.c.project_id == bindparam("project_id"),
        template.c.type == "deploy",
        template.c.build_template_id.is_not(None),
    )
    .order_by(template.c.name, template.c.id)
)

#: The newest successful task of a template that was no dry run.
newest_success = (
    select(task.c.id)
    .where(
        task.c.template_id == bindparam("template_id"),
        task.c.status == "success",
        task.c.dry_run == 0,
    )
    .order_by(task.c.id.desc())
    .limit(1)
)

#: A task that unfinished tasks deploy: a certain one, or one of a template.
awaited_task = select(awaited.c.id).where(awaited.c.id == bindparam("task_id")).limit(1)
awaited_of_template = (
    select(awaited.c.id)
    .join(task, task.c.id == awaited.c.id)
    .where(task.c.template_id == bindparam("of_template"))
    .limit(1)
)
