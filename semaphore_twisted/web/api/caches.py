"""Routes that remove the server's copies of repositories."""

from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects import repositories
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


async def clear(context: RequestContext) -> None:
    """Remove the copies of a project's repositories, which the next runs make again.

    A copy that a job reads at the moment stays.
    """
    await context.write(repositories.record_cleared)
    await context.services.clear_copies(context.project_id)


async def clear_all(context: RequestContext) -> None:
    """Remove the copies of all repositories, which the next runs make again."""
    await clear(context)


ROUTES = (
    Route.delete("/cache", clear_all, Access.ADMIN),
    Route.delete("/project/{project_id}/cache", clear, Access.UPDATE_PROJECT),
)
