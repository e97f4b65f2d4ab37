"""Routes of accounts."""

from collections.abc import Callable

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto import passwords
from semaphore_twisted.identity import throttle
from semaphore_twisted.model.errors import Invalid, NotPermitted
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.texts import Password
from semaphore_twisted.model.users import Access, AccountAccess, User
from semaphore_twisted.operations import events
from semaphore_twisted.operations.accounts import users as operations
from semaphore_twisted.operations.accounts.users import ChangedUser, NewUser
from semaphore_twisted.web.api.auth import throttled
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import OneOf
from semaphore_twisted.web.http.routing import Route


class OwnUser(User, frozen=True, kw_only=True):
    """The user's own account."""

    can_create_project: bool


class UserInList(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an account that every logged-in user sees."""

    id: UserId
    username: str
    name: str


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an account is active."""

    active: bool


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """A password; a user's own, with a session cookie, needs the current one too."""

    password: Password = ""
    current_password: Password | None = None
    #: also revoke the account's API tokens
    revoke_tokens: bool = False

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


async def own(context: RequestContext) -> OwnUser:
    """Show the user's own account."""
    user = context.actor.user
    may = user.admin or context.config.non_admin_can_create_project
    return OwnUser(**msgspec.structs.asdict(user), can_create_project=may)


async def users(context: RequestContext) -> list[User] | list[UserInList]:
    """List the accounts; non-administrators see only names."""
    every = await context.read(operations.list_users)
    text = context.query.get("s", "").casefold()
    if text:
        every = [
            each for each in every if text in f"{each.username} {each.name}".casefold()
        ]
    if context.actor.user.admin:
        return list_pages.of(
            context,
            every,
            keys={**_KEYS, "email": lambda each: each.email},
            text=lambda each: f"{each.username}\n{each.name}\n{each.email}",
        )
    every = list_pages.of(
        context, every, keys=_KEYS, text=lambda each: f"{each.username}\n{each.name}"
    )
    return [_in_list(each) for each in every]


async def disabled(context: RequestContext) -> list[UserId]:
    """List the ids of the disabled accounts, with which nobody can log in."""
    return await context.read(operations.disabled)


async def access(context: RequestContext) -> AccountAccess:
    """Count the sessions, tokens and VPN devices that an account can be used by."""
    return await context.read(
        operations.access, context.path["user_id"], context.credentials.limits
    )


#: The sort keys that everybody may use.
_KEYS: dict[str, Callable[[User], str]] = {
    "username": lambda each: each.username,
    "name": lambda each: each.name,
    "created": lambda each: each.created.isoformat(),
}


def _in_list(user: User) -> UserInList:
    return UserInList(id=user.id, username=user.username, name=user.name)


async def create(context: RequestContext, body: NewUser) -> User:
    """Create an account; without a password it cannot log in until one is set."""
    digest = ""
    if body.password and not body.external:
        operations.check_password(body.password, context.config.password_min_length)
        digest = await context.compute(passwords.hash_password, body.password)
    return await context.write(operations.create, body, password_hash=digest)


async def get(context: RequestContext) -> User | UserInList:
    """Show an account; non-administrators see only the names of other accounts."""
    return shown(context, await context.read(operations.get, context.path["user_id"]))


def shown(context: RequestContext, user: User) -> User | UserInList:
    """Return the part of *user* that the actor may see.

    Of other accounts only names.
    """
    actor = context.actor.user
    return user if actor.admin or actor.id == user.id else _in_list(user)


async def change(context: RequestContext, body: ChangedUser) -> None:
    """Change an account: the user's own, or as administrator any.

    A non-empty ``password`` becomes the account's, as by the route for passwords; an
    empty or absent one changes nothing and ends no session.
    """
    user_id, digest = context.path["user_id"], None
    if body.password:
        digest = await _digest(
            context, user_id, password=body.password, current=body.current_password
        )
    await context.write(operations.change, user_id, body, password_hash=digest)
    if digest is not None:
        context.services.password_changed()
    context.access_changed()


async def delete(context: RequestContext) -> None:
    """Delete an account with its sessions and tokens."""
    await context.write(operations.delete, context.path["user_id"])
    context.access_changed()


async def set_active(context: RequestContext, body: Activity) -> None:
    """Activate or deactivate an account; its sessions and tokens end at once."""
    await context.write(
        operations.set_active, context.path["user_id"], active=body.active
    )
    context.access_changed()


async def set_password(context: RequestContext, body: NewPassword) -> None:
    """Set a password; every other session of the account ends.

    For the user's own account, with a session cookie, ``current_password`` is required:
    an open browser must not be enough. API clients with a token send only the new
    password.
    """
    user_id = context.path["user_id"]
    digest = await _digest(
        context, user_id, password=body.password, current=body.current_password
    )
    await context.write(
        operations.set_password,
        user_id,
        password_hash=digest,
        revoke_tokens=body.revoke_tokens,
    )
    context.services.password_changed()
    context.access_changed()


async def _digest(
    context: RequestContext, user_id: int, *, password: str, current: str | None
) -> str:
    """Return the hash of an account's new *password*, if the actor may set it.

    :raises NotPermitted: if the account belongs to another user
    :raises Invalid: if the new or the current password is not accepted
    """
    actor = context.actor.user
    if not (actor.admin or actor.id == user_id):
        raise NotPermitted
    if not password:
        raise Invalid("The password may not be empty", field="password")
    if actor.id == user_id and context.credentials.by_cookie:
        if not current:
            raise Invalid("current_password is required")
        await _check_current(context, current)
    operations.check_password(password, context.config.password_min_length)
    digest: str = await context.compute(passwords.hash_password, password)
    return digest


async def _check_current(context: RequestContext, password: str) -> None:
    """Verify the current password; failures count like failed logins."""
    subject = throttle.Subject(
        account=context.actor.user.username, address=context.address
    )
    await throttled(context, subject)
    stored = await context.read(operations.own_password_hash)
    if not await context.compute(passwords.verify, password, stored):
        await context.write_unchecked(throttle.failed, subject)
        raise Invalid("Current password is incorrect", field="current_password")


_ONE = "/users/{user_id}"
_TAGGED = Tagged(events.USER, operations.subject)

ROUTES = (
    Route.get("/user", own, Access.USER, answer=OwnUser),
    Route.get(
        "/users",
        users,
        Access.USER,
        query=list_pages.ListQuery,
        answer=OneOf((list[User], list[UserInList])),
    ),
    Route.post("/users", create, Access.ADMIN, body=NewUser, answer=User, status=201),
    Route.get("/users/disabled", disabled, Access.ADMIN, answer=list[UserId]),
    Route.get(_ONE, get, Access.USER, answer=OneOf((User, UserInList)), tagged=_TAGGED),
    Route.put(
        _ONE,
        change,
        Access.USER,
        body=ChangedUser,
        refusals=frozenset({429}),
        tagged=_TAGGED,
    ),
    Route.delete(_ONE, delete, Access.USER, tagged=_TAGGED),
    Route.get("/users/{user_id}/access", access, Access.ADMIN, answer=AccountAccess),
    Route.post("/users/{user_id}/active", set_active, Access.ADMIN, body=Activity),
    Route.post(
        "/users/{user_id}/password",
        set_password,
        Access.USER,
        body=NewPassword,
        refusals=frozenset({429}),
    ),
)
