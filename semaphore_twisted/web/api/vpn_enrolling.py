"""What a device does that has a token and nothing else: trust, and enroll."""

from ssl import PEM_cert_to_DER_cert
from typing import Any

from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.peers import Enrolled
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import invites, vpn_network
from semaphore_twisted.operations.invites import REFUSED, Redemption, Refusal
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.answers import TEXT, Encoded, PlainText, json
from semaphore_twisted.web.api.vpn_answers import (
    Applied,
    EnrolledOutcome,
    applied,
    control,
    told,
)
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route

#: Said where the companion does not have the peer yet; why is not for outsiders.
LATE = "The server lets this device in as soon as it can"


class EnrollRequest(Redemption, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of an invite, the device's public key, and what it shall be called.

    Without *kind* it is of the invite's.
    """


async def enroll(context: Context, body: EnrollRequest) -> EnrolledOutcome | Encoded:
    """Enroll a device; for ten minutes the same token and key get the same answer.

    Every token that cannot be used gets the same 403. Who accepts ``text/plain`` gets
    the file alone; ``Semaphore-Url``, ``-Domain``, ``-State``, ``-Uuid`` and
    ``-Applied`` are headers then.
    """
    peers, redeems = control(context), context.services.redeems
    redeems.begin(context.address)
    value, revision = await context.write_unchecked(
        _redeem,
        body,
        keyring=context.keyring,
        options=context.options.vpn,
        address=context.address,
    )
    if isinstance(value, Refusal):
        redeems.failure()
        return Encoded(403, json({"error": REFUSED}))
    redeems.success(context.address)
    outcome = await applied(peers, revision)
    if context.accept.strip() == "text/plain":
        return _file(value, applied=outcome.applied)
    late = "" if outcome.applied else LATE
    return told(EnrolledOutcome, value, Applied(applied=not late, reason=late))


def _redeem(
    conn: Connection, body: EnrollRequest, /, **more: Any
) -> tuple[Enrolled | Refusal, int]:
    value = invites.redeem(conn, body, **more)
    return value, vpn_network.revision(conn)


def _file(value: Enrolled, *, applied: bool) -> Encoded:
    headers = (
        ("Semaphore-Url", value.url),
        ("Semaphore-Domain", value.domain),
        ("Semaphore-State", value.peer.state),
        ("Semaphore-Uuid", value.peer.uuid),
        ("Semaphore-Applied", "true" if applied else "false"),
    )
    return Encoded(
        201,
        value.config.encode(),
        TEXT,
        tuple((name.encode(), text.encode()) for name, text in headers),
    )


async def authority(context: Context) -> Encoded:
    """Give the root certificate, as PEM, or as DER with ``format=der``.

    A client compares it with the fingerprint that it got on another way, and may ask
    for the root of that one: with ``sha256=HEX`` the former root is given too, while
    the server's certificate can be verified with it. The root to come is given with
    ``which=next``; 404 where there is none.
    """
    roots = context.options.roots()
    root = roots.next if context.query.get("which") == "next" else roots.current
    fingerprint = context.query.get("sha256")
    if fingerprint is not None and root is not None:
        root = roots.known(fingerprint) or root  # a client says better what is wrong
    if root is None:
        raise NotFound
    if context.query.get("format") == "der":
        der = PEM_cert_to_DER_cert(root.pem.decode())
        return Encoded(200, der, b"application/x-x509-ca-cert")
    return Encoded(200, root.pem, b"application/x-pem-file")


ROUTES = (
    Route(
        method="POST",
        pattern="/vpn/enroll",
        handler=enroll,
        access=Access.PUBLIC,
        body=EnrollRequest,
        answer=EnrolledOutcome,
        status=201,
        content=("text/plain",),
        refusals=frozenset({404, 429}),
    ),
    Route(
        method="GET",
        pattern="/vpn/ca",
        handler=authority,
        access=Access.PUBLIC,
        answer=PlainText,
        content=("application/x-pem-file", "application/x-x509-ca-cert"),
        refusals=frozenset({404}),
    ),
)
