"""Routes that do the same to several templates or tasks.

Each item has a transaction of its own, in which the right is checked again: an item is
done or refused, and the answer says for each one which. Semaphore has no such routes.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import DomainError, Invalid
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import IllegalTransition, Task
from semaphore_twisted.model.texts import Message
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.tasks import builds
from semaphore_twisted.operations.tasks import tasks as operations
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.web.api.tasks import Stop, stop_job
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.error_responses import status
from semaphore_twisted.web.http.routing import Route

_log = Logger()

#: The status of an answer whose items have statuses of their own (RFC 4918).
_MULTI_STATUS = 207

_Ids = Annotated[list[int], Meta(min_length=1, max_length=limits.BULK_ITEMS)]


class TemplatesToRun(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of templates of which each starts a task, with the same message.

    The tasks have the answers and options that the templates have by default.
    """

    templates: _Ids
    message: Message = ""


class TasksToStop(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of tasks to stop; *force* skips the grace period."""

    tasks: _Ids
    force: bool = False


class TasksToDelete(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of tasks to delete, which must have ended."""

    tasks: _Ids


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one item: *status* and *error* are as the single route has them.

    *id* is the one of the request. *task* is the task that was started.
    """

    id: int
    status: int
    error: str | msgspec.UnsetType = msgspec.UNSET
    field: str | msgspec.UnsetType = msgspec.UNSET
    task: Task | msgspec.UnsetType = msgspec.UNSET


class BulkResults(msgspec.Struct, frozen=True, kw_only=True):
    """One result for each item of the request, in its order."""

    results: list[ItemResult]


async def run(context: RequestContext, body: TemplatesToRun) -> BulkResults:
    """Start a task of each of several templates; one result per template."""

    async def start(number: int) -> Task:
        new = NewTask(template_id=TemplateId(number), message=body.message)
        task = await context.write(builds.create_newest, context.keyring, new)
        context.tasks.changed(task)
        return task

    return await _each("templates", body.templates, start, done=201)


async def stop(context: RequestContext, body: TasksToStop) -> BulkResults:
    """Stop several tasks; one result per task."""

    async def end(number: int) -> None:
        task = await context.write(operations.ask_stop, TaskId(number))
        await stop_job(context, task, Stop(force=body.force))

    return await _each("tasks", body.tasks, end, done=204)


async def delete(context: RequestContext, body: TasksToDelete) -> BulkResults:
    """Delete several tasks that have ended, with their logs; one result per task."""

    async def remove(number: int) -> None:
        task_id = TaskId(number)
        await context.write_in_slices(operations.delete_some, task_id)
        await context.write(operations.delete, task_id)

    return await _each("tasks", body.tasks, remove, done=204)


async def stop_all(context: RequestContext, body: Stop) -> None:
    """Stop every task of the project that has not ended."""
    after = 0
    while True:
        found = await context.write(operations.ask_stop_some, after=after)
        if not found:
            return
        for task in found:
            after = task.id
            with suppress(IllegalTransition):
                await context.tasks.stop(task.id, force=body.force)


async def _each(
    field: str,
    numbers: Sequence[int],
    work: Callable[[int], Awaitable[Task | None]],
    *,
    done: int,
) -> BulkResults:
    """Do *work* for each of *numbers*, one after the other; *done* is its status.

    :raises Invalid: if a number is listed twice
    """
    for number in numbers:
        if numbers.count(number) > 1:
            raise Invalid(f"{field}: {number} is listed more than once", field=field)
    return BulkResults(results=[await _one(number, work, done) for number in numbers])


async def _one(
    number: int, work: Callable[[int], Awaitable[Task | None]], done: int
) -> ItemResult:
    try:
        task = await work(number)
    except CancelledError:  # the client is gone; what was not begun is left
        raise
    except DomainError as error:
        return ItemResult(
            id=number,
            status=status(error),
            error=error.message,
            field=error.field or msgspec.UNSET,
        )
    except Exception:  # noqa: BLE001 - the other items have results
        _log.failure("Item {number} of several failed", number=number)
        sentence = "Internal error; the server's log has the reason"
        return ItemResult(id=number, status=500, error=sentence)
    return ItemResult(id=number, status=done, task=task or msgspec.UNSET)


_PROJECT = "/project/{project_id}"

ROUTES = (
    Route.post(
        f"{_PROJECT}/templates/run",
        run,
        Access.RUN_TASKS,
        body=TemplatesToRun,
        answer=BulkResults,
        status=_MULTI_STATUS,
    ),
    Route.post(
        f"{_PROJECT}/tasks/stop",
        stop,
        Access.RUN_TASKS,
        body=TasksToStop,
        answer=BulkResults,
        status=_MULTI_STATUS,
        urgent=True,
    ),
    Route.post(
        f"{_PROJECT}/tasks/delete",
        delete,
        Access.ADMIN,
        body=TasksToDelete,
        answer=BulkResults,
        status=_MULTI_STATUS,
        urgent=True,
    ),
    Route.post(
        f"{_PROJECT}/stop_all_tasks",
        stop_all,
        Access.RUN_TASKS,
        body=Stop,
        urgent=True,
    ),
)
