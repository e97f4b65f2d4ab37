"""Networks behind the server, and to whom they are open.

A grant opens one to a peer, to the devices of a user, or to a project: the devices of
its members and its hosts. The companion refuses networks that root did not allow.
"""

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import NetworkGrant, SiteNetwork
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.engine import Connection


class NewSite(msgspec.Struct, frozen=True, kw_only=True):
    """A network behind the server."""

    name: str
    network: str


class ChangedSite(msgspec.Struct, frozen=True, kw_only=True):
    """What is changed; what is not given stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    network: str | msgspec.UnsetType = msgspec.UNSET


class NewGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Open a site network to exactly one of a peer, a user and a project."""

    site_id: int
    peer_id: int | None = None
    user_id: UserId | None = None
    project_id: ProjectId | None = None


def listed(conn: Connection, actor: Actor | None) -> list[SiteNetwork]:
    """Return the networks, by name: all for administrators, else those open to one."""
    raise NotImplementedError


def get(conn: Connection, actor: Actor | None, site_id: int) -> SiteNetwork:
    """Return a network that the actor sees."""
    raise NotImplementedError


def find(conn: Connection, actor: Actor | None, text: str) -> SiteNetwork:
    """Return the network of a name, or of its own text."""
    raise NotImplementedError


def create(conn: Connection, actor: Actor | None, new: NewSite) -> SiteNetwork:
    """Make a network known."""
    raise NotImplementedError


def change(
    conn: Connection, actor: Actor | None, site_id: int, changed: ChangedSite
) -> SiteNetwork:
    """Change a network."""
    raise NotImplementedError


def delete(conn: Connection, actor: Actor | None, site_id: int) -> None:
    """Forget a network, and close it to everybody."""
    raise NotImplementedError


def grants(conn: Connection, actor: Actor | None) -> list[NetworkGrant]:
    """Return to whom networks are open: all for administrators, else one's own."""
    raise NotImplementedError


def grant(conn: Connection, actor: Actor | None, new: NewGrant) -> NetworkGrant:
    """Open a network; the one that is open already stays so."""
    raise NotImplementedError


def withdraw(conn: Connection, actor: Actor | None, grant_id: int) -> None:
    """Close a network to whom a grant had opened it."""
    raise NotImplementedError
