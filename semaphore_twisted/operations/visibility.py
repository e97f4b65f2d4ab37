"""The current visibility of the holders of credentials, for messages to clients."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.users import Credentials, SessionLimits, Visibility
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import visibility as statements


class _CredentialRow(msgspec.Struct, frozen=True):
    id: UserId
    admin: bool
    created: datetime
    last_active: datetime | None = None
    expires: datetime | None = None
    ip: str = ""
    only_project: ProjectId | None = None

    def ends(self, limits: SessionLimits) -> datetime | None:
        """Return when the token expires, or the session if it is not used again."""
        if self.last_active is None:
            return self.expires
        return min(self.last_active + limits.idle, self.created + limits.lifetime)


def audiences(
    conn: Connection, credentials: Sequence[Credentials]
) -> list[Visibility | None]:
    """Return the audience of each of *credentials*; ``None`` for invalid ones."""
    return [_audience(conn, each) for each in credentials]


def _audience(conn: Connection, credentials: Credentials) -> Visibility | None:
    holder = _holder(conn, credentials)
    if holder is None:
        return None
    projects = frozenset(conn.column(statements.projects_of_user, user_id=holder.id))
    only = holder.only_project
    if only is not None:  # an administrator sees it without being a member
        projects = frozenset({only} if holder.admin or only in projects else ())
    return Visibility(
        everything=holder.admin and only is None,
        projects=projects,
        user_id=holder.id,
        ends=holder.ends(credentials.limits),
        address=holder.ip,
        confined=only is not None,
    )


def _holder(conn: Connection, credentials: Credentials) -> _CredentialRow | None:
    if credentials.token_digest is not None:
        return conn.one(
            statements.user_of_token,
            _CredentialRow,
            digest=credentials.token_digest,
            now=conn.now,
        )
    if credentials.session_digest is not None:
        return conn.one(
            statements.user_of_session,
            _CredentialRow,
            digest=credentials.session_digest,
            cutoff=conn.now - credentials.limits.idle,
            oldest=conn.now - credentials.limits.lifetime,
        )
    return None
