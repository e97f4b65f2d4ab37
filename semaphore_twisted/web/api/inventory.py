"""Routes of inventories."""

from semaphore_twisted.model.inventories import Inventory
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import inventories
from semaphore_twisted.operations.inventories import NewInventory
from semaphore_twisted.operations.references import References
from semaphore_twisted.web import lists
from semaphore_twisted.web.answers import Streamed
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.resources import resource_routes
from semaphore_twisted.web.sorting import order


async def listed(context: Context) -> list[Inventory] | Streamed:
    """List the inventories."""
    return await lists.listed(
        context, inventories.ids, inventories.page, **order(context.query)
    )


async def create(context: Context, body: NewInventory) -> Inventory:
    """Create an inventory."""
    return await context.write(inventories.create, body)


async def get(context: Context) -> Inventory:
    """Show an inventory."""
    return await context.read(inventories.get, context.path["inventory_id"])


async def references(context: Context) -> References:
    """Show the objects that refer to an inventory."""
    return await context.read(inventories.references, context.path["inventory_id"])


async def change(context: Context, body: NewInventory) -> None:
    """Replace an inventory."""
    await context.write(inventories.change, context.path["inventory_id"], body)


async def delete(context: Context) -> None:
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
)
