"""Routes of inventories."""

from semaphore_twisted.model.inventories import Inventory
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import inventories
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse


async def listed(context: RequestContext) -> list[Inventory] | StreamedResponse:
    """List the inventories."""
    return await list_pages.listed(context, inventories.ORDERS, inventories.page)


async def create(context: RequestContext, body: NewInventory) -> Inventory:
    """Create an inventory."""
    return await context.write(inventories.create, body)


async def get(context: RequestContext) -> Inventory:
    """Show an inventory."""
    return await context.read(inventories.get, context.path["inventory_id"])


async def references(context: RequestContext) -> References:
    """Show the objects that refer to an inventory."""
    return await context.read(inventories.references, context.path["inventory_id"])


async def change(context: RequestContext, body: NewInventory) -> None:
    """Replace an inventory."""
    await context.write(inventories.change, context.path["inventory_id"], body)


async def delete(context: RequestContext) -> None:
    """Delete an unused inventory."""
    await context.write(inventories.delete, context.path["inventory_id"])


ROUTES = resource_routes(
    every="/project/{project_id}/inventory",
    one="/project/{project_id}/inventory/{inventory_id}",
    read=Access.MEMBER,
    body=NewInventory,
    answer=Inventory,
    listed=listed,
    create=create,
    get=get,
    references=references,
    change=change,
    delete=delete,
    tagged=Tagged(events.INVENTORY, inventories.get),
)
