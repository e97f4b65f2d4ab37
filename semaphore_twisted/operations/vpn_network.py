"""The VPN's network: one row, which is there once ``semaphore vpn init`` was run.

Its revision rises with every change of what the companion or a person may see of the
VPN, in the transaction of that change.
"""

from datetime import datetime

import msgspec

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.peers import Network
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.peer_rules import USUAL, Options
from semaphore_twisted.persistence.engine import Connection


class NewNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The network as ``vpn init`` wants it; pools are canonical, or checked anyway.

    *pool6* and *server6* are empty where there is no IPv6 inside; *public_key* is the
    text of the server's own.
    """

    interface: str
    endpoint: str
    pool4: str
    pool6: str = ""
    server4: str = ""
    server6: str = ""
    public_key: str
    mtu: int = 1420


class ChangedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator may change; what is not given stays."""

    endpoint: str | msgspec.UnsetType = msgspec.UNSET
    mtu: int | msgspec.UnsetType = msgspec.UNSET


class PoolUsage(msgspec.Struct, frozen=True, kw_only=True):
    """How a pool is used; ``size == used + quarantined + free``."""

    pool: str
    size: int
    used: int
    quarantined: int
    free: int


def find(conn: Connection, options: Options = USUAL) -> Network | None:
    """Return the network, ``None`` where there is none."""
    raise NotImplementedError


def get(conn: Connection, actor: Actor | None, options: Options = USUAL) -> Network:
    """Return the network.

    :raises NotFound: where there is none.
    """
    raise NotImplementedError


def initialise(
    conn: Connection,
    actor: Actor | None,
    new: NewNetwork,
    *,
    options: Options = USUAL,
) -> Network:
    """Make the network, or bring the one that is there to *new*.

    :raises Conflict: if a pool would change, and there are peers in it.
    """
    raise NotImplementedError


def change(
    conn: Connection,
    actor: Actor | None,
    changed: ChangedNetwork,
    *,
    options: Options = USUAL,
) -> Network:
    """Change the network; its peers need new files where the endpoint changes."""
    raise NotImplementedError


def pools(conn: Connection, actor: Actor | None) -> list[PoolUsage]:
    """Return how the pools are used."""
    raise NotImplementedError


def bump(conn: Connection) -> None:
    """Note that something changed; without a network, nothing happens."""
    raise NotImplementedError


def revision(conn: Connection) -> int:
    """Return the revision, 0 without a network."""
    raise NotImplementedError
