"""Routes of the tasks of all projects that have not ended, for administrators."""

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import ActiveTask
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.tasks import active_tasks as operations
from semaphore_twisted.web.api.tasks import Stop, stop_job
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


async def active(context: RequestContext) -> list[ActiveTask]:
    """List the tasks of all projects that have not ended, oldest first."""
    return await context.read(operations.active)


async def get(context: RequestContext) -> list[ActiveTask]:
    """List the task if it has not ended; the list is empty otherwise."""
    return await context.read(operations.active, TaskId(context.path["task_id"]))


async def stop(context: RequestContext) -> None:
    """Stop a task of any project."""
    task = await context.write(operations.ask_stop, TaskId(context.path["task_id"]))
    await stop_job(context, task, Stop())


ROUTES = (
    Route.get("/tasks", active, Access.ADMIN, answer=list[ActiveTask]),
    Route.get("/tasks/{task_id}", get, Access.ADMIN, answer=list[ActiveTask]),
    Route.delete("/tasks/{task_id}", stop, Access.ADMIN),
)
