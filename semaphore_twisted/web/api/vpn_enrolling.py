"""Public routes for a device with an enrollment token: root certificate, enrollment."""

from ssl import PEM_cert_to_DER_cert
from typing import Any

from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.peers import Enrolled
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.vpn import invites, network
from semaphore_twisted.operations.vpn.invites import REFUSED, Redemption, Refusal
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.api.vpn_answers import (
    Applied,
    EnrolledOutcome,
    applied,
    control,
    outcome_of,
)
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import TEXT, PlainText, Response, json
from semaphore_twisted.web.http.routing import Route

#: Shown while the companion does not have the peer yet; the cause is not public.
LATE = "The server lets this device in as soon as it can"


class EnrollRequest(Redemption, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of an invite, the device's public key and its name.

    *kind* defaults to that of the invite.
    """


async def enroll(
    context: RequestContext, body: EnrollRequest
) -> EnrolledOutcome | Response:
    """Enroll a device; for ten minutes the same token and key get the same answer.

    Every unusable token gets the same 403. With ``Accept: text/plain`` the response is
    only the file, and ``Semaphore-Url``, ``-Domain``, ``-State``, ``-Uuid`` and
    ``-Applied`` are headers.
    """
    peers, redeem_limit = control(context), context.services.redeem_limit
    redeem_limit.begin(context.address)
    value, revision = await context.write_unchecked(
        _redeem,
        body,
        keyring=context.keyring,
        options=context.options.vpn,
        address=context.address,
    )
    if isinstance(value, Refusal):
        redeem_limit.failure()
        return Response(403, json({"error": REFUSED}))
    redeem_limit.success(context.address)
    outcome = await applied(peers, revision)
    if context.accept.strip() == "text/plain":
        return _file(value, applied=outcome.applied)
    late = "" if outcome.applied else LATE
    return outcome_of(EnrolledOutcome, value, Applied(applied=not late, reason=late))


def _redeem(
    conn: Connection, body: EnrollRequest, /, **more: Any
) -> tuple[Enrolled | Refusal, int]:
    value = invites.redeem(conn, body, **more)
    return value, network.revision(conn)


def _file(value: Enrolled, *, applied: bool) -> Response:
    headers = (
        ("Semaphore-Url", value.url),
        ("Semaphore-Domain", value.domain),
        ("Semaphore-State", value.peer.state),
        ("Semaphore-Uuid", value.peer.uuid),
        ("Semaphore-Applied", "true" if applied else "false"),
    )
    return Response(
        201,
        value.config.encode(),
        TEXT,
        tuple((name.encode(), text.encode()) for name, text in headers),
    )


async def authority(context: RequestContext) -> Response:
    """Return the root certificate, as PEM, or as DER with ``format=der``.

    The client compares it with a fingerprint that it received separately. With
    ``sha256=HEX`` the former root is returned if it has that fingerprint, while it
    still verifies the server's certificate. With ``which=next`` the next root is
    returned; 404 if there is none.
    """
    roots = context.options.roots()
    root = roots.next if context.query.get("which") == "next" else roots.current
    fingerprint = context.query.get("sha256")
    if fingerprint is not None and root is not None:
        root = roots.known(fingerprint) or root  # the client reports a mismatch better
    if root is None:
        raise NotFound
    if context.query.get("format") == "der":
        der = PEM_cert_to_DER_cert(root.pem.decode())
        return Response(200, der, b"application/x-x509-ca-cert")
    return Response(200, root.pem, b"application/x-pem-file")


ROUTES = (
    Route.post(
        "/vpn/enroll",
        enroll,
        Access.PUBLIC,
        body=EnrollRequest,
        answer=EnrolledOutcome,
        status=201,
        content=("text/plain",),
        refusals=frozenset({404, 429}),
    ),
    Route.get(
        "/vpn/ca",
        authority,
        Access.PUBLIC,
        answer=PlainText,
        content=("application/x-pem-file", "application/x-x509-ca-cert"),
        refusals=frozenset({404}),
    ),
)
