"""Redeems invites: a token and a device's public key become a peer.

This is one transaction. The use is counted by a statement that affects one row or none,
so an invite cannot be used too often; a later error rolls the count back. Each unusable
token gets the same answer, and only the activity log contains the reason. The refusal
is returned as a value, so that the transaction with its event is committed.
"""

from datetime import timedelta
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.tokens import (
    ENROLLMENT_TOKEN_LENGTH,
    ENROLLMENT_TOKEN_START,
    digest,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.peers import (
    Enrolled,
    InviteState,
    PeerKind,
    PeerLifecycle,
    SiteNetwork,
)
from semaphore_twisted.model.texts import Name
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn import (
    new_peers,
    peer_files,
    preshared_keys,
)
from semaphore_twisted.operations.vpn.invite_rows import InviteRow
from semaphore_twisted.operations.vpn.network import NetworkRow
from semaphore_twisted.operations.vpn.network_rules import key_of
from semaphore_twisted.operations.vpn.new_peers import Draft, Owner
from semaphore_twisted.operations.vpn.peer_rows import PeerRow, Right, record
from semaphore_twisted.operations.vpn.peer_rules import USUAL, PeerLimits, name_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import invites as statements
from semaphore_twisted.persistence.statements.vpn import peers, sites

#: Prefix of all tokens.
TOKEN_START = ENROLLMENT_TOKEN_START

#: Number of characters of a token that are stored.
PREFIX = len(TOKEN_START) + 6

#: The answer for each unusable token.
REFUSED = "This invite cannot be used"

#: Time during which a repeated request receives the same answer.
REPEATED = timedelta(minutes=10)


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a device; *kind* defaults to the invite's."""

    token: Name
    public_key: Name
    name: Name
    kind: PeerKind | None = None

    @override
    def __repr__(self) -> str:
        """Omit the token."""
        return f"Redemption({self.name!r})"


class Reason(StrEnum):
    """The reason why an invite cannot be used; logged, but not sent to the client."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OWNER = "its user, or who made it, has no right any more"


class Refusal(msgspec.Struct, frozen=True):
    """The invite cannot be used; the event was recorded.

    It is returned, not raised, so that the transaction with the event is committed.
    """

    reason: Reason


_REASONS = {
    InviteState.USED: Reason.USED,
    InviteState.EXPIRED: Reason.EXPIRED,
    InviteState.REVOKED: Reason.REVOKED,
}


def redeem(
    conn: Connection,
    redemption: Redemption,
    *,
    keyring: Keyring,
    options: PeerLimits = USUAL,
    address: str = "",
) -> Enrolled | Refusal:
    """Create a peer with an invite; *address* is the client's address.

    A repeated request with the same token and key gets the same answer for ten minutes.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if the name or key is in use, or no address or device is left; the
        invite is not used then.
    """
    network = vpn_network.row(conn)
    name_of(redemption.name)
    key = key_of(redemption.public_key)
    invite = _invite(conn, redemption.token)
    reason = _reason(conn, invite)
    if invite is None or reason in {Reason.REVOKED, Reason.OWNER, Reason.UNKNOWN}:
        return _refused(conn, invite, reason or Reason.UNKNOWN, address)
    again = conn.one(
        peers.made_with,
        PeerRow,
        invite_id=invite.id,
        public_key=key,
        since=conn.now - REPEATED,
    )
    if again is not None:
        shared = _preshared_key(conn, keyring, again)
        return peer_files.enrolled(conn, network, again, shared, options)
    if reason is not None or not conn.run(
        statements.use, invite_id=invite.id, at=conn.now
    ):
        return _refused(conn, invite, reason or Reason.USED, address)
    draft = _draft(conn, network, invite, redemption, options)
    row = new_peers.store(conn, network, keyring, draft)
    new_peers.open_to(conn, row.id, _sites(conn, invite))
    record(conn, None, row, f"enrolled with invite {invite.prefix}…", address=address)
    return peer_files.enrolled(conn, network, row, draft.preshared_key, options)


def _invite(conn: Connection, token: str) -> InviteRow | None:
    """Return the invite of *token*.

    The lookup by digest discloses nothing about stored tokens by its timing.
    """
    if len(token) != ENROLLMENT_TOKEN_LENGTH:
        return None
    return conn.one(statements.by_digest, InviteRow, digest=digest(token))


def _reason(conn: Connection, invite: InviteRow | None) -> Reason | None:
    """Return the reason why an invite cannot be used, or ``None``."""
    if invite is None:
        return Reason.UNKNOWN
    state = invite.state(conn.now)
    if state is not InviteState.REVOKED and not (
        invite.owner_lives and invite.maker_may
    ):
        return Reason.OWNER
    return _REASONS.get(state)


def _refused(
    conn: Connection, invite: InviteRow | None, reason: Reason, address: str
) -> Refusal:
    which = "An invite" if invite is None else f"Invite {invite.prefix}…"
    events.record(
        conn,
        None,
        object_type="vpn_invite",
        object_id=None if invite is None else invite.id,
        object_name="" if invite is None else invite.prefix,
        description=f"{which} was refused: {reason}",
        project_id=None if invite is None else invite.project_id,
        address=address,
    )
    return Refusal(reason)


def _preshared_key(conn: Connection, keyring: Keyring, row: PeerRow) -> bytes | None:
    envelope = conn.scalar(peers.preshared_key, peer_id=row.id)
    if envelope is None:
        return None
    return preshared_keys.opened(keyring, row.uuid, envelope)


def _kind(invite: InviteRow, peer_kind: PeerKind | None) -> PeerKind:
    """Return the kind of the device; by default the invite's.

    An invite for laptops also fits phones and vice versa; one for hosts fits only
    hosts.
    """
    if peer_kind is None:
        return invite.kind
    if (peer_kind is PeerKind.HOST) != (invite.kind is PeerKind.HOST):
        raise Invalid(
            f"kind: this invite is for a {invite.kind}, not for a {peer_kind}"
        )
    return peer_kind


def _draft(
    conn: Connection,
    network: NetworkRow,
    invite: InviteRow,
    redemption: Redemption,
    options: PeerLimits,
) -> Draft:
    name = name_of(redemption.name)
    owner = Owner(
        user_id=invite.user_id,
        project_id=invite.project_id,
        right=Right.RULE if invite.maker_rules else Right.OWN,
    )
    key = new_peers.check_key(conn, network, redemption.public_key)
    if owner.user_id is not None and owner.right < Right.RULE:
        new_peers.check_quota(conn, owner.user_id, options)
    new_peers.check_name(conn, owner, name)
    by_another = owner.user_id is not None and invite.created_by != owner.user_id
    limited = invite.approval or invite.peer_expires is not None
    return Draft(
        name=name,
        kind=_kind(invite, redemption.kind),
        state=PeerLifecycle.PENDING if invite.approval else PeerLifecycle.ACTIVE,
        user_id=owner.user_id,
        project_id=owner.project_id,
        public_key=key,
        preshared_key=new_peers.new_preshared_key(conn),
        tags=invite.tags,
        expires=invite.peer_expires,
        invite_id=invite.id,
        held=by_another and limited,
    )


def _sites(conn: Connection, invite: InviteRow) -> list[SiteNetwork]:
    """Return the site networks of the invite, except those that were deleted."""
    found = (conn.one(sites.by_name, SiteNetwork, name=name) for name in invite.grants)
    return [site for site in found if site is not None]
