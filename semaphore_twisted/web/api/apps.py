"""Routes of apps, the programs that templates can run, and of the options of them.

Only administrators change apps, and rarely: their operations are imported when they are
used.
"""

import msgspec

from semaphore_twisted.model.apps import App, InstallationOption, NewApp
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import apps as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class AppAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A program that templates can run."""

    title: str
    icon: str
    color: str
    dark_color: str
    active: bool
    path: str
    #: what the program gets before the path of the file
    args: tuple[str, ...] | None
    priority: int


class AppInList(AppAnswer, frozen=True, kw_only=True):
    """A program that templates can run, with its id."""

    id: str
    #: whether jobs find the program
    installed: bool


class AppInAdministration(AppInList, frozen=True, kw_only=True):
    """An app with the details that an administrator needs."""

    #: whether an administrator has added it
    custom: bool
    #: the fields that differ from the usual ones
    changed: tuple[str, ...]
    #: whether *args* can be set
    takes_arguments: bool
    #: where the jobs find the program; empty if they do not
    found: str
    #: how to install it; empty if the server does not know
    install: str
    #: the package of Debian that has it; empty if there is none
    package: str
    #: how many templates run it, in all projects
    templates: int


class AppActivity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an app is active."""

    active: bool


async def apps(context: RequestContext) -> list[AppInList]:
    """List the programs that templates can run; for administrators inactive ones too.

    The highest priority comes first.
    """
    table = await context.read(operations.shown)
    found = list(table.listed())
    places = await context.compute(_places, context, found)
    return [_in_list(each, place) for each, place in zip(found, places, strict=True)]


def _in_list(app: App, place: str) -> AppInList:
    return AppInList(
        id=app.id,
        installed=bool(place),
        title=app.title,
        icon=app.icon,
        color=app.color,
        dark_color=app.dark_color,
        active=app.active,
        path=app.path,
        args=app.arguments or None,
        priority=app.priority,
    )


async def get(context: RequestContext) -> AppAnswer:
    """Show an app."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    app = await context.read(app_changes.get, context.path["app_id"])
    fields = msgspec.structs.asdict(_in_list(app, ""))
    del fields["id"], fields["installed"]
    return AppAnswer(**fields)


async def details(context: RequestContext) -> list[AppInAdministration]:
    """List all apps with their programs, and how many templates run each."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    uses = await context.read(app_changes.uses)
    places = await context.compute(_places, context, [each.app for each in uses])
    return [
        AppInAdministration(
            custom=each.custom,
            changed=each.changed,
            takes_arguments=each.app.takes_arguments,
            found=place,
            install=each.app.install,
            package="" if each.app.pip else each.app.package,
            templates=each.templates,
            **msgspec.structs.asdict(_in_list(each.app, place)),
        )
        for each, place in zip(uses, places, strict=True)
    ]


def _places(context: RequestContext, found: list[App]) -> list[str]:
    return [context.options.place_of_program(each.program) for each in found]


async def store(context: RequestContext, body: NewApp) -> None:
    """Create a custom app, or change the settings of an app.

    A missing field keeps its value, and ``null`` gives the usual one back.
    """
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    await context.write(app_changes.store, context.path["app_id"], body)


async def change(context: RequestContext, body: NewApp) -> None:
    """Change the settings of an app, or create a custom app, as POST does."""
    await store(context, body)


async def activate(context: RequestContext, body: AppActivity) -> None:
    """Switch an app on or off; tasks that run go on."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    await context.write(
        app_changes.activate, context.path["app_id"], active=body.active
    )


async def delete(context: RequestContext) -> None:
    """Delete a custom app, or give another one its usual settings back."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    await context.write(app_changes.delete, context.path["app_id"])


async def options(context: RequestContext) -> dict[str, str]:
    """Show the options that are set, by their keys: ``apps.ID.FIELD``."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    return await context.read(app_changes.options)


async def set_option(
    context: RequestContext, body: InstallationOption
) -> InstallationOption:
    """Set an option; an empty value gives the usual one back."""
    from semaphore_twisted.operations import app_changes  # noqa: PLC0415

    return await context.write(app_changes.set_option, body)


_ONE = "/apps/{app_id:text}"

ROUTES = (
    Route.get("/apps", apps, Access.USER, answer=list[AppInList], one_project=True),
    Route.get(_ONE, get, Access.ADMIN, answer=AppAnswer),
    Route.post(_ONE, store, Access.ADMIN, body=NewApp),
    Route.put(_ONE, change, Access.ADMIN, body=NewApp),
    Route.delete(_ONE, delete, Access.ADMIN),
    Route.post(f"{_ONE}/active", activate, Access.ADMIN, body=AppActivity),
    Route.get("/admin/apps", details, Access.ADMIN, answer=list[AppInAdministration]),
    Route.get("/options", options, Access.ADMIN, answer=dict[str, str]),
    Route.post(
        "/options",
        set_option,
        Access.ADMIN,
        body=InstallationOption,
        answer=InstallationOption,
    ),
)
