"""The stored form of VPN invites."""

from datetime import datetime
from typing import ClassVar

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Invite, InviteState, PeerKind


class InviteRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invite as it is stored, with only the prefix of its token.

    *created_by* is ``None`` for the command line on the server. *owner_lives* tells
    whether the user of the invite is enabled, *maker_may* whether its creator still has
    the right to create it, and *maker_rules* whether the creator is an administrator or
    the command line.
    """

    id: int
    prefix: str
    kind: PeerKind
    user_id: UserId | None
    project_id: ProjectId | None
    owner: str
    created_by: UserId | None
    uses: int
    max_uses: int
    tags: tuple[str, ...]
    grants: tuple[str, ...]
    approval: bool
    created: datetime
    expires: datetime
    peer_expires: datetime | None
    revoked: datetime | None
    owner_lives: bool
    maker_may: bool
    maker_rules: bool
    fault: str | msgspec.UnsetType = msgspec.UNSET

    #: Columns that may be emptied if damaged; such an invite cannot be redeemed.
    MENDED: ClassVar = ("tags", "grants")

    def state(self, now: datetime) -> InviteState:
        """Return the state of the invite at the time *now*."""
        if self.revoked is not None or self.fault:
            return InviteState.REVOKED
        if self.uses >= self.max_uses:
            return InviteState.USED
        return InviteState.EXPIRED if self.expires <= now else InviteState.OPEN

    def shown(self, now: datetime) -> Invite:
        """Return the invite as the API shows it at the time *now*."""
        return Invite(
            id=self.id,
            prefix=self.prefix,
            kind=self.kind,
            state=self.state(now),
            user_id=self.user_id,
            project_id=self.project_id,
            owner=self.owner,
            uses=self.uses,
            max_uses=self.max_uses,
            tags=self.tags,
            created=self.created,
            expires=self.expires,
            peer_expires=self.peer_expires,
            fault=self.fault,
        )
