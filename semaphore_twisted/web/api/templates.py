"""Templates: their routes."""

from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import templates
from semaphore_twisted.operations.references import References
from semaphore_twisted.operations.template_rules import NewTemplate
from semaphore_twisted.operations.templates import Description
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route
from semaphore_twisted.web.sorting import order


async def listed(context: Context) -> list[Template]:
    """List the templates."""
    return await context.read(templates.listed, **order(context.query))


async def create(context: Context, body: NewTemplate) -> Template:
    """Make a template."""
    return await context.write(templates.create, body)


async def get(context: Context) -> Template:
    """Show a template."""
    return await context.read(templates.get, context.path["template_id"])


async def references(context: Context) -> References:
    """Show what refers to a template."""
    return await context.read(templates.references, context.path["template_id"])


async def change(context: Context, body: NewTemplate) -> None:
    """Replace a template."""
    await context.write(templates.change, context.path["template_id"], body)


async def describe(context: Context, body: Description) -> None:
    """Change the description only."""
    await context.write(templates.describe, context.path["template_id"], body)


async def delete(context: Context) -> None:
    """Delete a template with its tasks."""
    await context.write(templates.delete, context.path["template_id"])


_ALL = "/project/{project_id}/templates"
_ONE = "/project/{project_id}/templates/{template_id}"
_READ = Access.MEMBER
_MANAGE = Access.MANAGE_RESOURCES

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", pattern=_ALL, handler=listed, access=_READ, answer=list[Template]
    ),
    Route(
        method="POST",
        pattern=_ALL,
        handler=create,
        access=_MANAGE,
        body=NewTemplate,
        answer=Template,
        status=201,
    ),
    Route(method="GET", pattern=_ONE, handler=get, access=_READ, answer=Template),
    Route(
        method="GET",
        pattern=f"{_ONE}/refs",
        handler=references,
        access=_READ,
        answer=References,
    ),
    Route(
        method="PUT",
        pattern=_ONE,
        handler=change,
        access=_MANAGE,
        body=NewTemplate,
        status=204,
    ),
    Route(
        method="PUT",
        pattern=f"{_ONE}/description",
        handler=describe,
        access=_MANAGE,
        body=Description,
        status=204,
    ),
    Route(method="DELETE", pattern=_ONE, handler=delete, access=_MANAGE, status=204),
)
