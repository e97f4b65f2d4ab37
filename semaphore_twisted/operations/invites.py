"""Invites: links that a device enrolls itself with, each so many times, for so long.

The store has a token's digest and its first characters. Every token that cannot be
used gets the same answer; only the record of events says why.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Enrolled, Invite, PeerKind
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.peer_rules import USUAL, Options
from semaphore_twisted.persistence.engine import Connection

#: What every token begins with.
TOKEN_START = "smp-enroll-"  # not secret

#: Said of every token that cannot be used.
REFUSED = "This invite cannot be used"


class NewInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite to be made.

    It is for devices of *user_id* (whoever asks, if not given), or for hosts of
    *project_id*. Peers made with it end at *peer_expires*, have *tags*, may enter the
    site networks named in *grants*, and wait for *approval*, if that is wanted.
    """

    kind: PeerKind
    max_uses: int
    lifetime_seconds: int
    user_id: UserId | None = None
    project_id: ProjectId | None = None
    tags: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    approval: bool = False
    peer_expires: datetime | None = None


class CreatedInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite and its token, which is shown this once."""

    invite: Invite
    token: str

    @override
    def __repr__(self) -> str:
        """Show no token."""
        return f"CreatedInvite({self.invite.id})"


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """What a device sends; without *kind* it is of the invite's."""

    token: str
    public_key: str
    name: str
    kind: PeerKind | None = None

    @override
    def __repr__(self) -> str:
        """Show no token."""
        return f"Redemption({self.name!r})"


class Reason(StrEnum):
    """Why an invite cannot be used; for the record, not for whoever asked."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OWNER = "its owner is disabled"


class Refusal(msgspec.Struct, frozen=True):
    """The invite cannot be used; the event says so already.

    It is returned, not raised, so that the transaction with the event is committed.
    """

    reason: Reason


def create(
    conn: Connection,
    actor: Actor | None,
    new: NewInvite,
    *,
    options: Options = USUAL,
) -> CreatedInvite:
    """Make an invite.

    :raises Invalid: naming the field that is wrong.
    """
    raise NotImplementedError


def listed(conn: Connection, actor: Actor | None) -> list[Invite]:
    """Return the invites that the actor sees, newest first."""
    raise NotImplementedError


def get(conn: Connection, actor: Actor | None, invite_id: int) -> Invite:
    """Return an invite.

    :raises NotFound: if there is none that the actor sees.
    """
    raise NotImplementedError


def revoke(
    conn: Connection,
    actor: Actor | None,
    invite_id: int,
    *,
    with_peers: bool = False,
    options: Options = USUAL,
) -> Invite:
    """See to it that an invite is not used any more, in whatever state it is.

    Peers that were made with it stay, unless *with_peers*.
    """
    raise NotImplementedError


def redeem(
    conn: Connection,
    redemption: Redemption,
    *,
    keyring: Keyring,
    options: Options = USUAL,
    address: str = "",
) -> Enrolled | Refusal:
    """Make a peer with an invite; *address* is where the request came from.

    For ten minutes the same token with the same key gets the same answer.

    :raises Invalid: naming the field that is wrong.
    :raises Conflict: if the name or key is used, or no address or device is left;
        the invite is as it was then.
    """
    raise NotImplementedError
