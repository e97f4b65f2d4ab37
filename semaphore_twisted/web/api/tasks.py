"""Routes of tasks: start, list, output, stop."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import TaskId, TemplateId, UserId
from semaphore_twisted.model.previews import RunPreview
from semaphore_twisted.model.refusals import invalid, quoted
from semaphore_twisted.model.tasks import (
    IllegalTransition,
    OutputLine,
    Task,
    TaskInList,
    TaskStatus,
)
from semaphore_twisted.model.texts import Message
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations.tasks import plans
from semaphore_twisted.operations.tasks import tasks as operations
from semaphore_twisted.operations.tasks.output import portions, without_ansi
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.tasks.search import TaskSearch, find
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http import batched_lists, list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import (
    PlainText,
    Response,
    StreamedResponse,
    json,
)
from semaphore_twisted.web.http.routing import Route

#: Tasks in the short lists: Semaphore's default without ``limit``.
_LAST = 200

#: Lines that are read from the database at a time.
_LINES_AT_ONCE = limits.CHUNK_LINES


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """How to stop: *force* skips the grace period."""

    force: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about a plan; the comment may be empty."""

    comment: Message = ""


class TaskFilters(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks that are wanted.

    An answer may have fewer than ``limit`` tasks, or none, and a ``Link`` to go on: a
    text is compared with at most 5,000 tasks at a time, those that the index finds.
    """

    search: list_pages.SearchText = ""
    status: Annotated[
        str, Meta(max_length=limits.NAME, description="Statuses, separated by commas")
    ] = ""
    template_id: Annotated[int, Meta(ge=1, le=operations.NEWEST)] | None = None
    user_id: Annotated[int, Meta(ge=1, le=operations.NEWEST)] | None = None
    since: (
        Annotated[datetime, Meta(tz=True, description="Created at this time, or later")]
        | None
    ) = msgspec.field(default=None, name="from")
    until: (
        Annotated[datetime, Meta(tz=True, description="Created before this time")]
        | None
    ) = msgspec.field(default=None, name="to")


class LastTasksQuery(TaskFilters, frozen=True, kw_only=True):
    """A part of the tasks that are wanted, newest first, as in Semaphore."""

    limit: list_pages.LenientNumber = ""
    count: list_pages.LenientNumber = ""
    before: list_pages.LenientNumber = ""


class OutputQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a log."""

    above: Annotated[
        list_pages.OwnNumber, Meta(description="Only lines with higher numbers")
    ] = msgspec.field(default="", name="from")
    limit: Annotated[
        list_pages.OwnNumber, Meta(description="Maximum number of lines")
    ] = ""


class TasksQuery(TaskFilters, frozen=True, kw_only=True):
    """A part of the tasks that are wanted, newest first."""

    limit: list_pages.Limit | None = None
    before: (
        Annotated[
            int,
            Meta(ge=1, le=operations.NEWEST, description="Only tasks with a lower id"),
        ]
        | None
    ) = None


async def create(context: RequestContext, body: NewTask) -> Task:
    """Start a task, or queue it until it may run."""
    task = await context.write(operations.create, context.keyring, body)
    context.tasks.changed(task)
    return task


async def preview(context: RequestContext, body: NewTask) -> RunPreview:
    """Show what the program of a task would receive, with the secrets masked.

    The body is that of a new task, which is checked and neither started nor stored. No
    secret is opened. ``{workspace}`` is the private directory of the job, and the
    task's number is 0. A login that is stored in an access key is not shown. Plain
    values of the variable group are masked for users who may not read it.
    """
    template_id = context.path["template_id"]
    if body.template_id != template_id:
        expected = f"{template_id}, as in the path"
        raise Invalid(invalid("template_id", body.template_id, expected))
    return await context.long_read(context.services.preview, body)


async def tasks(
    context: RequestContext,
) -> list[TaskInList] | Response | StreamedResponse:
    """List the newest tasks of the project, or those that are searched."""
    asked = context.parameters(TasksQuery)
    count = asked.limit or operations.LONGEST_LIST
    before = asked.before or operations.NEWEST
    wanted = _search(asked)
    if wanted != TaskSearch() or asked.limit or asked.before:
        return await _found(context, wanted, count, before)
    rows, _ = await _newest(context, count, {"template_id": None, "before": before})
    return rows


async def last(
    context: RequestContext,
) -> list[TaskInList] | Response | StreamedResponse:
    """List some of the newest tasks of the project, by ``limit`` and ``before``."""
    return await _last(context, None)


async def of_template(
    context: RequestContext,
) -> list[TaskInList] | Response | StreamedResponse:
    """List the newest tasks of a template."""
    return await _last(context, context.path["template_id"], operations.LONGEST_LIST)


async def last_of_template(
    context: RequestContext,
) -> list[TaskInList] | Response | StreamedResponse:
    """List some of the newest tasks of a template."""
    return await _last(context, context.path["template_id"])


async def get(context: RequestContext) -> Task:
    """Show a task."""
    return await context.read(operations.get, _task_id(context))


async def output(context: RequestContext) -> StreamedResponse:
    """Return the log, or with ``from=N`` only the lines with numbers above N.

    The header ``X-Lines`` has the number of all lines.
    """
    above, limit = _number(context, "from", 0), _number(context, "limit", 0)
    length = await context.read(operations.length, _task_id(context))
    context.headers.append((b"x-lines", b"%d" % length))
    until = min(length, above + limit) if limit else length
    return StreamedResponse("application/json", _as_json(context, above, until))


async def raw_output(context: RequestContext) -> StreamedResponse:
    """Return the log as plain text, without colors."""
    length = await context.read(operations.length, _task_id(context))
    return StreamedResponse("text/plain; charset=utf-8", _as_text(context, length))


async def stop(context: RequestContext, body: Stop) -> None:
    """Stop a task; repeated requests are accepted."""
    task = await context.write(operations.ask_stop, _task_id(context))
    await stop_job(context, task, body)


async def stop_all(context: RequestContext, body: Stop) -> None:
    """Stop every task of a template."""
    found = await context.write(
        operations.ask_stop_all, TemplateId(context.path["template_id"])
    )
    for task in found:
        await stop_job(context, task, body)


async def confirm(context: RequestContext, body: Decision) -> None:
    """Confirm the plan of a task that waits for confirmation; the first answer counts.

    The event of the decision has the name of the user, and the comment.
    """
    task = await context.write(plans.confirm, _task_id(context), body.comment)
    context.tasks.changed(task)


async def reject(context: RequestContext, body: Decision) -> None:
    """Reject the plan of a task that waits for confirmation, which ends the task."""
    task = await context.write(plans.reject, _task_id(context), body.comment)
    context.tasks.changed(task)


async def delete(context: RequestContext) -> None:
    """Delete a finished task with its log."""
    await context.write_in_slices(operations.delete_some, _task_id(context))
    await context.write(operations.delete, _task_id(context))


def _task_id(context: RequestContext) -> TaskId:
    return TaskId(context.path["task_id"])


def _number(context: RequestContext, name: str, absent: int) -> int:
    text = context.query.get(name)
    if not text:
        return absent
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid(f"{name} must be a number")
    return int(text)


def _lenient(context: RequestContext, name: str, absent: int) -> int:
    """Return a number of the query, or *absent* for other text, as Semaphore does."""
    text = context.query.get(name, "")
    fits = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if fits and int(text) > 0 else absent


async def _last(
    context: RequestContext, template_id: int | None, absent: int = _LAST
) -> list[TaskInList] | Response | StreamedResponse:
    """Return the requested tasks; a header tells whether more exist."""
    asked = _lenient(context, "limit", _lenient(context, "count", absent))
    count = asked if asked <= absent else absent
    before = _lenient(context, "before", operations.NEWEST)
    wanted = _search(context.parameters(LastTasksQuery))
    if wanted != TaskSearch():
        if template_id is not None:
            wanted = replace(wanted, template_id=TemplateId(template_id))
        return await _found(context, wanted, count, before)
    sought = {
        "template_id": None if template_id is None else TemplateId(template_id),
        "before": before,
    }
    rows, more = await _newest(context, count, sought)
    context.headers.append((b"x-has-next", b"true" if more else b"false"))
    return rows


def _search(task_filters: TaskFilters) -> TaskSearch:
    """Return what the parameters ask for.

    :raises Invalid: if there is no such status
    """
    statuses = []
    for each in filter(None, task_filters.status.split(",")):
        if each not in set(TaskStatus):
            expected = ", ".join(map(quoted, TaskStatus))
            raise Invalid(invalid("status", each, expected))
        statuses.append(TaskStatus(each))
    template, user = task_filters.template_id, task_filters.user_id
    return TaskSearch(
        search=task_filters.search,
        statuses=tuple(statuses),
        template_id=None if template is None else TemplateId(template),
        user_id=None if user is None else UserId(user),
        since=task_filters.since,
        until=task_filters.until,
    )


async def _found(
    context: RequestContext, task_search: TaskSearch, count: int, before: int
) -> list[TaskInList] | StreamedResponse:
    """Return the newest *count* tasks as *task_search*; headers lead to more."""
    ids, end = await context.long_read(find, task_search, count=count, before=before)
    list_pages.link(context, "before", None if end is None else str(end))
    return await list_pages.chosen(context, ids, operations.page)


async def _newest(
    context: RequestContext, count: int, sought: JsonObject
) -> tuple[list[TaskInList] | Response | StreamedResponse, bool]:
    """Return the newest *count* tasks as *sought*, and whether more exist."""
    whole = await context.read(context.services.task_lists.read, count=count, **sought)
    if whole is not None:
        rows, more = whole
        return Response(context.route.status, rows), more
    more = False

    def newest(conn: Connection, actor: Actor) -> list[int]:
        nonlocal more
        found = operations.newest(conn, actor, count=count + 1, **sought)
        more = len(found) > count
        return found[:count]

    return await batched_lists.listed(context, newest, operations.page), more


async def stop_job(context: RequestContext, task: Task, body: Stop) -> None:
    """End the job of *task*, whose stop was requested."""
    # It may have ended in the meantime.
    with suppress(IllegalTransition):
        await context.tasks.stop(task.id, force=body.force)


async def _batches(
    context: RequestContext, above: int, until: int, *, raw: bool = False
) -> AsyncIterator[Sequence[OutputLine]]:
    """Yield the lines above *above* up to *until*, in batches."""
    while above < until:
        lines = await context.long_read(
            operations.lines,
            _task_id(context),
            above=above,
            limit=min(_LINES_AT_ONCE, until - above),
            raw=raw,
        )
        if not lines:
            return
        yield lines
        above = lines[-1].id


async def _as_json(
    context: RequestContext, above: int, until: int
) -> AsyncIterator[bytes]:
    before = b"["
    async for lines in _batches(context, above, until):
        for portion in portions(lines):
            yield before + json(portion)[1:-2]
            before = b","
    yield b"]\n" if before == b"," else b"[]\n"


async def _as_text(context: RequestContext, until: int) -> AsyncIterator[bytes]:
    async for lines in _batches(context, 0, until, raw=True):
        for portion in portions(lines):
            texts = [f"{without_ansi(line.output)}\n" for line in portion]
            yield "".join(texts).encode()


_ALL = "/project/{project_id}/tasks"
_ONE = "/project/{project_id}/tasks/{task_id}"
_TEMPLATE = "/project/{project_id}/templates/{template_id}"

ROUTES = (
    Route.get(_ALL, tasks, Access.MEMBER, query=TasksQuery, answer=list[TaskInList]),
    Route.post(_ALL, create, Access.RUN_TASKS, body=NewTask, answer=Task, status=201),
    Route.get(
        f"{_ALL}/last",
        last,
        Access.MEMBER,
        query=LastTasksQuery,
        answer=list[TaskInList],
    ),
    Route.get(_ONE, get, Access.MEMBER, answer=Task),
    Route.delete(_ONE, delete, Access.ADMIN),
    Route.get(
        f"{_ONE}/output",
        output,
        Access.MEMBER,
        query=OutputQuery,
        answer=list[OutputLine],
    ),
    Route.get(f"{_ONE}/raw_output", raw_output, Access.MEMBER, answer=PlainText),
    Route.post(f"{_ONE}/stop", stop, Access.RUN_TASKS, urgent=True, body=Stop),
    Route.post(f"{_ONE}/confirm", confirm, Access.RUN_TASKS, body=Decision),
    Route.post(f"{_ONE}/reject", reject, Access.RUN_TASKS, body=Decision),
    Route.get(
        f"{_TEMPLATE}/tasks",
        of_template,
        Access.MEMBER,
        query=LastTasksQuery,
        answer=list[TaskInList],
    ),
    Route.get(
        f"{_TEMPLATE}/tasks/last",
        last_of_template,
        Access.MEMBER,
        query=LastTasksQuery,
        answer=list[TaskInList],
    ),
    Route.post(
        f"{_TEMPLATE}/preview",
        preview,
        Access.RUN_TASKS,
        body=NewTask,
        answer=RunPreview,
        changes_nothing=True,
    ),
    Route.post(
        f"{_TEMPLATE}/stop_all_tasks",
        stop_all,
        Access.RUN_TASKS,
        urgent=True,
        body=Stop,
    ),
)
