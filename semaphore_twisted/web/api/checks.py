"""Routes that check inventories and repositories, and list branches and playbooks."""

from datetime import timedelta

import msgspec

from semaphore_twisted.model.checks import (
    CheckKind,
    CheckStatus,
    CheckTarget,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import RepositoryId
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects import checks as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route

#: A check of a repository that ended within this time is not repeated for its lists.
_FRESH = timedelta(seconds=30)


class NewInventoryCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to check an inventory.

    *repository_id* is the repository with the file of an inventory that names none.
    """

    repository_id: RepositoryId | None = None


class NewRepositoryCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to check a repository: nothing."""


async def check_inventory(
    context: RequestContext, body: NewInventoryCheck
) -> InventoryCheck:
    """Start to list the hosts of an inventory and to ping them.

    It runs as a job that is no task. Names and reasons are kept, no variables.
    """
    target = await _target(context, CheckKind.INVENTORY)
    await context.services.checks.start(target, body.repository_id or None)
    return await inventory_check(context)


async def inventory_check(context: RequestContext) -> InventoryCheck:
    """Show the progress of the check that runs, or the result of the last one."""
    target = await _target(context, CheckKind.INVENTORY)
    found = context.services.checks.progress(target)
    if isinstance(found, InventoryCheck):
        return found
    return await context.read(
        operations.last, target.kind, target.number, InventoryCheck
    )


async def stop_inventory_check(context: RequestContext) -> None:
    """Stop the check of an inventory, if one runs."""
    context.services.checks.stop(await _target(context, CheckKind.INVENTORY))


async def check_repository(
    context: RequestContext, body: NewRepositoryCheck
) -> RepositoryCheck:
    """Start to check a repository out, and to list its branches and playbooks.

    It runs as a job that is no task.
    """
    del body
    target = await _target(context, CheckKind.REPOSITORY)
    await context.services.checks.start(target)
    return await repository_check(context)


async def repository_check(context: RequestContext) -> RepositoryCheck:
    """Show the progress of the check that runs, or the result of the last one."""
    target = await _target(context, CheckKind.REPOSITORY)
    found = context.services.checks.progress(target)
    if isinstance(found, RepositoryCheck):
        return found
    return await _last(context, target)


async def stop_repository_check(context: RequestContext) -> None:
    """Stop the check of a repository, if one runs."""
    context.services.checks.stop(await _target(context, CheckKind.REPOSITORY))


async def branches(context: RequestContext) -> list[str]:
    """List the branches of a repository; it is checked first, unless it just was."""
    return list((await _checked(context)).branches)


async def playbooks(context: RequestContext) -> list[str]:
    """List the playbooks of a repository; it is checked first, unless it just was."""
    return list((await _checked(context)).playbooks)


async def _checked(context: RequestContext) -> RepositoryCheck:
    """Return a check of the repository that is not older than a moment.

    :raises Invalid: with the reason if it failed
    """
    target = await _target(context, CheckKind.REPOSITORY)
    checks = context.services.checks
    fresh = await context.read(operations.is_fresh, target, _FRESH)
    if not fresh:
        if checks.progress(target) is None:
            await checks.start(target)
        await checks.ended(target)
    found = await _last(context, target)
    if found.status is not CheckStatus.SUCCESS:
        raise Invalid(found.reason or "The check of the repository did not end")
    return found


async def _last(context: RequestContext, target: CheckTarget) -> RepositoryCheck:
    return await context.read(
        operations.last, target.kind, target.number, RepositoryCheck
    )


async def _target(context: RequestContext, kind: CheckKind) -> CheckTarget:
    number = context.path[f"{kind}_id"]
    return await context.read(operations.target, kind, number)


_INVENTORY = "/project/{project_id}/inventory/{inventory_id}"
_REPOSITORY = "/project/{project_id}/repositories/{repository_id}"
_MANAGE = Access.MANAGE_RESOURCES

ROUTES = (
    Route.post(
        f"{_INVENTORY}/check",
        check_inventory,
        _MANAGE,
        body=NewInventoryCheck,
        answer=InventoryCheck,
        status=202,
    ),
    Route.get(
        f"{_INVENTORY}/check", inventory_check, Access.MEMBER, answer=InventoryCheck
    ),
    Route.delete(f"{_INVENTORY}/check", stop_inventory_check, _MANAGE),
    Route.post(
        f"{_REPOSITORY}/check",
        check_repository,
        _MANAGE,
        body=NewRepositoryCheck,
        answer=RepositoryCheck,
        status=202,
    ),
    Route.get(
        f"{_REPOSITORY}/check", repository_check, Access.MEMBER, answer=RepositoryCheck
    ),
    Route.delete(f"{_REPOSITORY}/check", stop_repository_check, _MANAGE),
    Route.get(f"{_REPOSITORY}/branches", branches, _MANAGE, answer=list[str]),
    Route.get(f"{_REPOSITORY}/playbooks", playbooks, _MANAGE, answer=list[str]),
)
