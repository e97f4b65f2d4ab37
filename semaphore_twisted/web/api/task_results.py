"""Routes of what a task reported: stages, plan, hosts, errors, plays and tasks."""

from functools import partial
from typing import TypeVar

from semaphore_twisted.model.ids import InventoryId, TaskId
from semaphore_twisted.model.plans import TaskPlan
from semaphore_twisted.model.results import (
    HostError,
    HostResult,
    LastHostResult,
    LogSection,
    TaskInventory,
    TaskStage,
    TaskSummary,
)
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.tasks import plans
from semaphore_twisted.operations.tasks import result_views as operations
from semaphore_twisted.web.http import batched_lists
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route

T = TypeVar("T")


async def stages(context: RequestContext) -> list[TaskStage]:
    """List the stages of a task with their times, such as checkout and playbook."""
    return await context.read(operations.stages, _task_id(context))


async def hosts(context: RequestContext) -> list[HostResult] | StreamedResponse:
    """List the hosts of an Ansible task with the numbers of their results."""
    page = partial(operations.hosts, task_id=_task_id(context))
    return await _listed(context, operations.host_ids, page)


async def last_of_hosts(context: RequestContext) -> list[LastHostResult]:
    """List the last result of each host in the newest 100 runs with an inventory.

    They are sought among the newest 2,000 tasks of the project. A run counts for the
    inventory that it was started with, else for that which its template has now.
    """
    return await context.long_read(
        operations.last_of_hosts, InventoryId(context.path["inventory_id"])
    )


async def errors(context: RequestContext) -> list[HostError] | StreamedResponse:
    """List the errors of an Ansible task, with their lines in the log."""
    page = partial(operations.errors, task_id=_task_id(context))
    return await _listed(context, operations.error_ids, page)


async def sections(context: RequestContext) -> list[LogSection] | StreamedResponse:
    """List the plays and tasks of an Ansible task, with their lines in the log."""
    page = partial(operations.sections, task_id=_task_id(context))
    return await _listed(context, operations.section_ids, page)


async def summary(context: RequestContext) -> TaskSummary:
    """Show the progress of an Ansible task, and why a task failed."""
    return await context.read(operations.summary, _task_id(context))


async def inventory(context: RequestContext) -> TaskInventory:
    """Show which inventory a task's run used."""
    return await context.read(operations.inventory, _task_id(context))


async def plan(context: RequestContext) -> TaskPlan:
    """Show what the plan of a Terraform task changes, and who approved or rejected it.

    Sensitive values are not in it. A task that has made no plan is answered 404.
    """
    return await context.long_read(plans.of_task, _task_id(context))


async def _listed(
    context: RequestContext, ids: batched_lists.Ids, page: batched_lists.Page[T]
) -> list[T] | StreamedResponse:
    """Return the rows of the task that *page* reads."""
    return await batched_lists.listed(context, ids, page, task_id=_task_id(context))


def _task_id(context: RequestContext) -> TaskId:
    return TaskId(context.path["task_id"])


_ONE = "/project/{project_id}/tasks/{task_id}"

ROUTES = (
    Route.get(f"{_ONE}/stages", stages, Access.MEMBER, answer=list[TaskStage]),
    Route.get(f"{_ONE}/ansible/hosts", hosts, Access.MEMBER, answer=list[HostResult]),
    Route.get(f"{_ONE}/ansible/errors", errors, Access.MEMBER, answer=list[HostError]),
    Route.get(
        f"{_ONE}/ansible/sections", sections, Access.MEMBER, answer=list[LogSection]
    ),
    Route.get(
        "/project/{project_id}/inventory/{inventory_id}/results",
        last_of_hosts,
        Access.MEMBER,
        answer=list[LastHostResult],
    ),
    Route.get(f"{_ONE}/inventory", inventory, Access.MEMBER, answer=TaskInventory),
    Route.get(f"{_ONE}/plan", plan, Access.MEMBER, answer=TaskPlan),
    Route.get(f"{_ONE}/summary", summary, Access.MEMBER, answer=TaskSummary),
)
