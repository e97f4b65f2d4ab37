"""VPN invites: links for enrolling devices, limited in number of uses and lifetime.

The database contains a token's digest and its first characters. Each unusable token
gets the same answer; only the activity log contains the reason.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.tokens import digest, new_enrollment_token
from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Invite, InviteState, PeerKind
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import (
    network,
    new_peers,
    peer_states,
    redemptions,
)
from semaphore_twisted.operations.vpn.invite_rows import InviteRow
from semaphore_twisted.operations.vpn.peer_rows import PeerRow, Right, right_of
from semaphore_twisted.operations.vpn.peer_rules import (
    USUAL,
    PeerLimits,
    moment_of,
    tags_of,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import invites as statements
from semaphore_twisted.persistence.statements.vpn import peers

# redeeming is implemented in a module of its own

REFUSED = redemptions.REFUSED
TOKEN_START = redemptions.TOKEN_START
Reason = redemptions.Reason
Redemption = redemptions.Redemption
Refusal = redemptions.Refusal
redeem = redemptions.redeem

#: Maximum number of uses of one invite.
MOST_USES = 1000

#: Minimum and maximum lifetime of an invite in seconds: a minute, and ninety days.
LIFETIMES = (60, 90 * 24 * 3600)


class NewInvite(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates an invite.

    It is for devices of *user_id* (default: the actor), or for hosts of *project_id*.
    Peers made with it expire at *peer_expires*, have *tags*, may access the site
    networks named in *grants*, and are pending until approved if *approval* is set.
    """

    kind: PeerKind
    max_uses: int
    lifetime_seconds: int
    user_id: UserId | None = None
    project_id: ProjectId | None = None
    tags: tuple[Name, ...] = ()
    grants: tuple[Name, ...] = ()
    approval: bool = False
    peer_expires: datetime | None = None


class CreatedInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite and its token, which is shown only once."""

    invite: Invite
    token: str

    @override
    def __repr__(self) -> str:
        """Omit the token."""
        return f"CreatedInvite({self.invite.id})"


def create(
    conn: Connection,
    actor: Actor | None,
    new: NewInvite,
    *,
    options: PeerLimits = USUAL,
    entropy: Callable[[int], bytes] | None = None,
) -> CreatedInvite:
    """Create an invite.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if the user has the maximum number of devices.
    """
    network.row(conn)
    owner = new_peers.owner_of(conn, actor, new.kind, new.user_id, new.project_id)
    least, most = LIFETIMES
    if not least <= new.lifetime_seconds <= most:
        raise Invalid(
            invalid("lifetime_seconds", new.lifetime_seconds, f"{least} to {most}")
        )
    uses = MOST_USES
    if owner.user_id is not None and owner.right < Right.RULE:
        new_peers.check_quota(conn, owner.user_id, options)
        uses = options.devices_per_user
    if not 1 <= new.max_uses <= uses:
        raise Invalid(invalid("max_uses", new.max_uses, f"1 to {uses}"))
    tags = tags_of(new.tags)
    peer_expires = moment_of("peer_expires", new.peer_expires, conn.now)
    sites = new_peers.granted(conn, actor, new.grants)
    token = new_enrollment_token(entropy or conn.entropy)
    number = conn.insert(
        schema.vpn_invite,
        token_digest=digest(token),
        prefix=token[: redemptions.PREFIX],
        kind=new.kind,
        user_id=owner.user_id,
        project_id=owner.project_id,
        created_by=None if actor is None else actor.user.id,
        max_uses=new.max_uses,
        tags=tags,
        grants=[site.name for site in sites],
        approval=new.approval,
        created=conn.now,
        expires=conn.now + timedelta(seconds=new.lifetime_seconds),
        peer_expires=peer_expires,
    )
    row = _stored(conn, number)
    uses_told = "once" if row.max_uses == 1 else f"{row.max_uses} times"
    _record(conn, actor, row, f"made, to be used {uses_told}")
    return CreatedInvite(invite=row.shown(conn.now), token=token)


def listed(
    conn: Connection, actor: Actor | None, *, state: InviteState | None = None
) -> list[Invite]:
    """Return the invites that the actor manages, newest first."""
    if actor is not None and actor.project_id is not None:
        if right_of(conn, actor, None, actor.project_id) < Right.RULE:
            return []
        rows = conn.all(statements.in_project, InviteRow, within=actor.project_id)
    elif actor is None or actor.user.admin:
        rows = conn.all(statements.every, InviteRow)
    else:
        rows = conn.all(
            statements.of_viewer,
            InviteRow,
            viewer=actor.user.id,
        )
    found = [row.shown(conn.now) for row in rows]
    return [each for each in found if state is None or each.state is state]


def get(conn: Connection, actor: Actor | None, invite_id: int) -> Invite:
    """Return an invite.

    :raises NotFound: if there is none that the actor manages.
    """
    return _managed(conn, actor, invite_id).shown(conn.now)


def revoke(
    conn: Connection,
    actor: Actor | None,
    invite_id: int,
    *,
    with_peers: bool = False,
    options: PeerLimits = USUAL,
) -> Invite:
    """Revoke an invite, in any state.

    Peers that were made with it remain, unless *with_peers* is set.
    """
    row = _managed(conn, actor, invite_id)
    if row.revoked is None:
        conn.update(schema.vpn_invite, row.id, revoked=conn.now)
        _record(conn, actor, row, f"revoked (was {row.state(conn.now)})")
    if with_peers:
        for peer in conn.all(peers.of_invite, PeerRow, invite_id=row.id):
            peer_states.end(
                conn, actor, peer, options=options, why="its invite was revoked"
            )
    return _stored(conn, row.id).shown(conn.now)


def _stored(conn: Connection, invite_id: int) -> InviteRow:
    row = conn.one(statements.by_id, InviteRow, invite_id=invite_id)
    if row is None:
        raise _no_invite(invite_id)
    return row


def _no_invite(invite_id: int) -> NotFound:
    return NotFound(f"There is no invite {invite_id}")


def _managed(conn: Connection, actor: Actor | None, invite_id: int) -> InviteRow:
    """Return an invite that *actor* manages; the right to see its peers is not enough.

    :raises NotFound: if there is none.
    """
    row = _stored(conn, invite_id)
    if right_of(conn, actor, row.user_id, row.project_id) < Right.OWN:
        raise _no_invite(invite_id)
    return row


def _record(conn: Connection, actor: Actor | None, row: InviteRow, what: str) -> None:
    network.record_change(
        conn,
        actor,
        row.id,
        row.prefix,
        f"for {row.owner}: {what}",
        kind=events.VPN_INVITE,
        project_id=row.project_id,
    )
