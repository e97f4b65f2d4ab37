"""Routes that write the backup of a project, and create a project from one."""

import msgspec

from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects import projects
from semaphore_twisted.operations.transfer import backup as backups
from semaphore_twisted.operations.transfer import restore as restoring
from semaphore_twisted.operations.transfer.backup_file import ProjectBackup
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class RestoreQuery(msgspec.Struct, frozen=True, kw_only=True):
    """With *schedules_off* the restored schedules are switched off."""

    schedules_off: bool = False


async def backup(context: RequestContext) -> msgspec.Raw:
    """Show the project as a file from which it can be restored; without its secrets."""
    return msgspec.Raw(await context.long_read(backups.encoded))


async def restore(context: RequestContext, body: ProjectBackup) -> Project:
    """Create a project from a backup, of this server or of Semaphore.

    The user becomes its owner. Secrets are entered again: keys and secret variables are
    created without one.
    """
    anybody = context.config.non_admin_can_create_project
    # first: the answer about a repository tells what is on the server's disk
    projects.check_creator(context.actor, anybody=anybody)
    rules = context.options.repositories
    await context.compute(restoring.check, body, rules)
    project = await context.write(
        restoring.restore,
        body,
        rules=rules,
        keyring=context.keyring,
        usual_zone=context.config.schedule.timezone,
        schedules_off=context.parameters(RestoreQuery).schedules_off,
        anybody=anybody,
    )
    context.access_changed()
    context.services.schedules.wake()
    return project


ROUTES = (
    Route.get(
        "/project/{project_id}/backup",
        backup,
        Access.MANAGE_RESOURCES,
        answer=ProjectBackup,
    ),
    Route.post(
        "/projects/restore",
        restore,
        Access.USER,
        body=ProjectBackup,
        query=RestoreQuery,
        answer=Project,
    ),
)
