"""Routes of repositories."""

from semaphore_twisted.model.repositories import Repository
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import repositories
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.operations.projects.repositories import NewRepository
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse


async def listed(context: RequestContext) -> list[Repository] | StreamedResponse:
    """List the repositories."""
    return await list_pages.listed(context, repositories.ORDERS, repositories.page)


async def create(context: RequestContext, body: NewRepository) -> Repository:
    """Create a repository."""
    rules = context.options.repositories
    await context.compute(repositories.check_place, body, rules)
    return await context.write(repositories.create, body, rules=rules)


async def get(context: RequestContext) -> Repository:
    """Show a repository."""
    return await context.read(repositories.get, context.path["repository_id"])


async def references(context: RequestContext) -> References:
    """Show the objects that refer to a repository."""
    return await context.read(repositories.references, context.path["repository_id"])


async def change(context: RequestContext, body: NewRepository) -> None:
    """Replace a repository."""
    rules, number = context.options.repositories, context.path["repository_id"]
    await context.compute(repositories.check_place, body, rules)
    await context.write(repositories.change, number, body, rules=rules)
    context.services.repositories_changed()


async def delete(context: RequestContext) -> None:
    """Delete an unused repository."""
    await context.write(repositories.delete, context.path["repository_id"])
    context.services.repositories_changed()


ROUTES = resource_routes(
    every="/project/{project_id}/repositories",
    one="/project/{project_id}/repositories/{repository_id}",
    read=Access.MEMBER,
    body=NewRepository,
    answer=Repository,
    listed=listed,
    create=create,
    get=get,
    references=references,
    change=change,
    delete=delete,
    tagged=Tagged(events.REPOSITORY, repositories.get),
)
