"""The state backend, which Terraform's backend ``http`` speaks with.

The protocol is that of Terraform's documentation: GET reads the state, POST writes it
with the lock's id as query parameter ``ID``, LOCK and UNLOCK have the lock as a body.
The operations are imported where they are used: most servers have no states, and save
the memory.
"""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from uuid import UUID

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import (
    Conflict,
    Invalid,
    NotAuthenticated,
    SecretUnreadable,
    TooLarge,
    TooManyAttempts,
)
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.states import BACKEND
from semaphore_twisted.model.users import Access
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.error_responses import refusal
from semaphore_twisted.web.http.responses import (
    JSON,
    TEXT,
    PlainText,
    Response,
    StreamedResponse,
)
from semaphore_twisted.web.http.routing import Route
from semaphore_twisted.web.http.state_login import log_in

if TYPE_CHECKING:
    from semaphore_twisted.model.state_files import Locked, StateAccess
    from semaphore_twisted.operations.states.contents import SealedState

#: What a client without a password is asked for (RFC 7617).
_ASK = (b"www-authenticate", b'Basic realm="state", charset="UTF-8"')


async def read(context: RequestContext) -> Response:
    """Read the present state; 404 if there is none.

    The caller sends login and password of the alias's access key (HTTP basic
    authentication).
    """
    from semaphore_twisted.operations.states import versions  # noqa: PLC0415

    alias = _alias(context)
    access = await _logged_in(context)
    if isinstance(access, Response):
        return access
    content = await context.long_read_unchecked(
        versions.read, context.keyring, alias, access
    )
    return Response(404) if content is None else Response(200, content, JSON)


async def write(context: RequestContext) -> Response:
    """Store the next version of the state.

    Serial and lineage have to continue the present version. If the state is locked,
    the query parameter ``ID`` is the id of the lock. A header ``Content-MD5`` is
    checked. A state of a task that is refused is kept as a rescued version. A task
    sends a state that was left behind with ``rescue`` (``next`` or ``aside``, as gzip),
    and is told what became of it.
    """
    from semaphore_twisted.model.state_files import Locked  # noqa: PLC0415

    access = await _logged_in(context)
    if isinstance(access, Response):
        return access
    body = _body(context)
    if "rescue" in context.query:
        return await _rescue(context, access, body)
    _check_digest(context, body)
    new = await _sealed(context, access, body)
    try:
        await _store(context, access, new, body)
    except (Conflict, SecretUnreadable) as error:
        if access.task_id is not None:
            # a forced stop may end Terraform before it has written its own file
            await _keep_aside(context, access, new, access.task_id, why=error.message)
        if isinstance(error, Locked):
            return _locked(error)
        raise
    return Response(200)


async def _rescue(
    context: RequestContext, access: "StateAccess", packed: bytes
) -> Response:
    """Store the state *packed* (gzip); answer with a sentence for the log."""
    from semaphore_twisted.model.state_files import unpacked  # noqa: PLC0415

    if access.task_id is None:
        raise Invalid("rescue: only a task has a state to rescue; leave it out")
    content = await context.compute(unpacked, packed)
    new = await _sealed(context, access, content, limit=limits.STATE_RESCUED)
    why = "The code has a backend of its own"
    if context.query["rescue"] != "aside":
        try:
            await _store(context, access, new, content, rescue=True)
        except (Conflict, SecretUnreadable) as error:
            why = error.message
        else:
            said = f"The state was stored after all, with serial {new.head.serial}"
            return Response(200, said.encode(), TEXT)
    said = await _keep_aside(context, access, new, access.task_id, why=why)
    return Response(200, said.encode(), TEXT)


async def _sealed(
    context: RequestContext,
    access: "StateAccess",
    content: bytes,
    *,
    limit: int = limits.STATE,
) -> "SealedState":
    """Return the checked and encrypted *content*."""
    from semaphore_twisted.operations.states import contents  # noqa: PLC0415

    return await context.compute(
        contents.sealed,
        content,
        keyring=context.keyring,
        project_uuid=access.project_uuid,
        uuid=_uuid(context),
        entropy=context.services.entropy,
        limit=limit,
    )


async def _store(
    context: RequestContext,
    access: "StateAccess",
    new: "SealedState",
    content: bytes,
    *,
    rescue: bool = False,
) -> None:
    """Store the next version; the same one once more is no error.

    :raises Conflict: if it is not the next one, or the state is locked
    :raises SecretUnreadable: if the present one cannot be compared with it
    """
    from semaphore_twisted.operations.states import contents, versions  # noqa: PLC0415

    present = await context.services.database.writing(durable=True)(
        versions.write,
        _alias(context),
        access,
        new,
        lock_id=context.query.get("ID"),
        rescue=rescue,
    )
    if present is not None:
        await context.compute(contents.check_same, context.keyring, present, content)


async def _keep_aside(
    context: RequestContext,
    access: "StateAccess",
    new: "SealedState",
    task_id: TaskId,
    *,
    why: str,
) -> str:
    """Store a state of a task beside the present one; return a line for its log."""
    from semaphore_twisted.operations.states import versions  # noqa: PLC0415

    return await context.services.database.writing(durable=True)(
        versions.keep_aside, _alias(context), access, new, task_id=task_id, why=why
    )


async def lock(context: RequestContext) -> Response:
    """Lock the state; 423 with the holder's lock if another client has locked it."""
    from semaphore_twisted.model.state_files import Locked, read_lock  # noqa: PLC0415
    from semaphore_twisted.operations.states import locks  # noqa: PLC0415

    alias = _alias(context)
    access = await _logged_in(context)
    if isinstance(access, Response):
        return access
    wanted = read_lock(_body(context))
    try:
        await context.write_unchecked(locks.lock, alias, access, wanted)
    except Locked as error:
        return _locked(error)
    return Response(200)


async def unlock(context: RequestContext) -> Response:
    """Remove the lock; 409 if the state has another one."""
    from semaphore_twisted.model.state_files import read_lock  # noqa: PLC0415
    from semaphore_twisted.operations.states import locks  # noqa: PLC0415

    alias = _alias(context)
    access = await _logged_in(context)
    if isinstance(access, Response):
        return access
    held = read_lock(_body(context))
    await context.write_unchecked(locks.unlock, alias, access, held)
    return Response(200)


async def _logged_in(context: RequestContext) -> "StateAccess | Response":
    """Return the checked alias, or the refusal of the client."""
    try:
        return await log_in(
            context.services, _alias(context), context.basic, context.address
        )
    except NotAuthenticated:
        return Response(401, headers=(_ASK,))
    except TooManyAttempts as error:
        return refusal(error)


def _alias(context: RequestContext) -> str:
    return str(context.path["alias"])


def _body(context: RequestContext) -> bytes:
    if context.delivery is None:
        raise TooLarge
    return context.delivery.body


def _uuid(context: RequestContext) -> str:
    return str(UUID(bytes=context.services.entropy(16), version=4))


def _check_digest(context: RequestContext, body: bytes) -> None:
    """Compare the body with the header ``Content-MD5``, if there is one.

    :raises Invalid: if they differ
    """
    sent = context.delivery.header("content-md5") if context.delivery else None
    if sent is None:
        return
    own = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), own):
        raise Invalid(
            "Content-MD5: the body differs from this digest, so it was damaged on the"
            " way; nothing was stored, send it again"
        )


def _locked(error: "Locked") -> Response:
    return Response(423, error.holder, JSON)


_PATH = BACKEND.removeprefix("/api") + "{alias:text}"
_REFUSALS = frozenset({401, 409, 423, 429})


def _route(method: str, handler: object) -> Route:
    return Route(
        method=method,
        pattern=_PATH,
        handler=handler,  # type: ignore[arg-type]
        access=Access.PUBLIC,
        answer={"GET": StreamedResponse, "POST": PlainText}.get(method),
        raw=True,
        refusals=_REFUSALS,
        urgent=method == "UNLOCK",
    )


ROUTES = (
    _route("GET", read),
    _route("POST", write),
    _route("LOCK", lock),
    _route("UNLOCK", unlock),
)
