"""Routes of integrations (incoming webhooks), their parts and their aliases."""

from semaphore_twisted.model.ids import ExtractValueId, IntegrationId, MatcherId
from semaphore_twisted.model.integrations import (
    Integration,
    IntegrationAlias,
    IntegrationMatcher,
    IntegrationValue,
)
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.webhooks import aliases as of_aliases
from semaphore_twisted.operations.webhooks import integrations as operations
from semaphore_twisted.operations.webhooks import parts
from semaphore_twisted.operations.webhooks.integrations import (
    IntegrationReferences,
    NewIntegration,
)
from semaphore_twisted.operations.webhooks.parts import (
    NewMatcher,
    NewValue,
    PartReferences,
)
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import facts_route
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route


async def listed(context: RequestContext) -> list[Integration] | StreamedResponse:
    """List the integrations."""
    return await list_pages.listed(context, operations.ORDERS, operations.page)


async def create(context: RequestContext, body: NewIntegration) -> Integration:
    """Create an integration.

    ``matchers`` and ``extract_values``, which Semaphore does not have here, create its
    parts too.
    """
    return await context.write(operations.create, body)


async def get(context: RequestContext) -> Integration:
    """Show an integration."""
    return await context.read(operations.get, context.path["integration_id"])


async def references(context: RequestContext) -> IntegrationReferences:
    """Show the parts that are deleted with an integration."""
    return await context.read(operations.references, context.path["integration_id"])


async def change(context: RequestContext, body: NewIntegration) -> None:
    """Replace an integration; its parts stay unless the body states them."""
    await context.write(operations.change, context.path["integration_id"], body)


async def delete(context: RequestContext) -> None:
    """Delete an integration with its parts and its own aliases."""
    await context.write(operations.delete, context.path["integration_id"])


async def matchers(context: RequestContext) -> list[IntegrationMatcher]:
    """List the matchers of an integration."""
    return await context.read(parts.matchers, context.path["integration_id"])


async def create_matcher(
    context: RequestContext, body: NewMatcher
) -> IntegrationMatcher:
    """Create a matcher; the status is 200, as in Semaphore."""
    return await context.write(
        parts.create_matcher, context.path["integration_id"], body
    )


async def get_matcher(context: RequestContext) -> IntegrationMatcher:
    """Show a matcher."""
    return await context.read(parts.matcher, *_matcher_path(context))


async def matcher_references(context: RequestContext) -> PartReferences:
    """Show the integration of a matcher."""
    return await context.read(parts.matcher_references, *_matcher_path(context))


async def change_matcher(context: RequestContext, body: NewMatcher) -> None:
    """Replace a matcher."""
    await context.write(parts.change_matcher, *_matcher_path(context), body)


async def delete_matcher(context: RequestContext) -> None:
    """Delete a matcher."""
    await context.write(parts.delete_matcher, *_matcher_path(context))


async def values(context: RequestContext) -> list[IntegrationValue]:
    """List the values that an integration extracts."""
    return await context.read(parts.values, context.path["integration_id"])


async def create_value(context: RequestContext, body: NewValue) -> IntegrationValue:
    """Create an extracted value."""
    return await context.write(parts.create_value, context.path["integration_id"], body)


async def get_value(context: RequestContext) -> IntegrationValue:
    """Show an extracted value."""
    return await context.read(parts.value, *_value_path(context))


async def value_references(context: RequestContext) -> PartReferences:
    """Show the integration of an extracted value."""
    return await context.read(parts.value_references, *_value_path(context))


async def change_value(context: RequestContext, body: NewValue) -> None:
    """Change an extracted value; fields that are missing stay, as in Semaphore."""
    await context.write(parts.change_value, *_value_path(context), body)


async def delete_value(context: RequestContext) -> None:
    """Delete an extracted value."""
    await context.write(parts.delete_value, *_value_path(context))


async def aliases(context: RequestContext) -> list[IntegrationAlias]:
    """List the aliases of an integration.

    Members who may not run tasks see the beginning of each alias only.
    """
    return await context.read(
        of_aliases.listed, context.path["integration_id"], site=context.site_url
    )


async def create_alias(context: RequestContext) -> IntegrationAlias:
    """Create an alias of an integration; the status is 200, as in Semaphore."""
    return await context.write(
        of_aliases.create, context.path["integration_id"], site=context.site_url
    )


async def delete_alias(context: RequestContext) -> None:
    """Delete an alias of an integration."""
    path = context.path
    await context.write(of_aliases.delete, path["integration_id"], path["alias_id"])


async def project_aliases(context: RequestContext) -> list[IntegrationAlias]:
    """List the aliases that lead to all searchable integrations of the project.

    Members who may not run tasks see the beginning of each alias only.
    """
    return await context.read(of_aliases.listed, None, site=context.site_url)


async def create_project_alias(context: RequestContext) -> IntegrationAlias:
    """Create an alias of the project; the status is 200, as in Semaphore."""
    return await context.write(of_aliases.create, None, site=context.site_url)


async def delete_project_alias(context: RequestContext) -> None:
    """Delete an alias of the project."""
    await context.write(of_aliases.delete, None, context.path["alias_id"])


def _matcher_path(context: RequestContext) -> tuple[IntegrationId, MatcherId]:
    return context.path["integration_id"], context.path["matcher_id"]


def _value_path(context: RequestContext) -> tuple[IntegrationId, ExtractValueId]:
    return context.path["integration_id"], context.path["value_id"]


_ALL = "/project/{project_id}/integrations"
_ONE = f"{_ALL}/{{integration_id}}"
_MATCHER = f"{_ONE}/matchers/{{matcher_id}}"
_VALUE = f"{_ONE}/values/{{value_id}}"
_TAGGED = Tagged(events.INTEGRATION, operations.get)
_READ, _MANAGE = Access.MEMBER, Access.MANAGE_RESOURCES

ROUTES = (
    Route.get(
        _ALL,
        listed,
        _READ,
        query=list_pages.ListQuery,
        answer=list[Integration],
    ),
    Route.post(
        _ALL, create, _MANAGE, body=NewIntegration, answer=Integration, status=201
    ),
    Route.get(_ONE, get, _READ, answer=Integration, tagged=_TAGGED),
    Route.get(f"{_ONE}/refs", references, _READ, answer=IntegrationReferences),
    facts_route(f"{_ONE}/facts", get, _READ, _TAGGED),
    Route.put(_ONE, change, _MANAGE, body=NewIntegration, tagged=_TAGGED),
    Route.delete(_ONE, delete, _MANAGE, tagged=_TAGGED),
    Route.get(f"{_ONE}/matchers", matchers, _READ, answer=list[IntegrationMatcher]),
    Route.post(
        f"{_ONE}/matchers",
        create_matcher,
        _MANAGE,
        body=NewMatcher,
        answer=IntegrationMatcher,
    ),
    Route.get(_MATCHER, get_matcher, _READ, answer=IntegrationMatcher),
    Route.get(f"{_MATCHER}/refs", matcher_references, _READ, answer=PartReferences),
    Route.put(_MATCHER, change_matcher, _MANAGE, body=NewMatcher),
    Route.delete(_MATCHER, delete_matcher, _MANAGE),
    Route.get(f"{_ONE}/values", values, _READ, answer=list[IntegrationValue]),
    Route.post(
        f"{_ONE}/values",
        create_value,
        _MANAGE,
        body=NewValue,
        answer=IntegrationValue,
        status=201,
    ),
    Route.get(_VALUE, get_value, _READ, answer=IntegrationValue),
    Route.get(f"{_VALUE}/refs", value_references, _READ, answer=PartReferences),
    Route.put(_VALUE, change_value, _MANAGE, body=NewValue),
    Route.delete(_VALUE, delete_value, _MANAGE),
    *(
        route
        for every, show, make, remove in (
            (
                f"{_ALL}/aliases",
                project_aliases,
                create_project_alias,
                delete_project_alias,
            ),
            (f"{_ONE}/aliases", aliases, create_alias, delete_alias),
        )
        for route in (
            Route.get(every, show, _READ, answer=list[IntegrationAlias]),
            Route.post(every, make, _MANAGE, answer=IntegrationAlias),
            Route.delete(f"{every}/{{alias_id}}", remove, _MANAGE),
        )
    ),
)
