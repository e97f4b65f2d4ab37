"""What the server knows of its VPN right now: one value, as of the last look."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred

from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.state import DesiredPeer, Grant


class VpnState(msgspec.Struct, frozen=True, kw_only=True):
    """How the VPN is.

    *connected* says whether the companion is there, *reason* why it is not or why it
    has no *backend*. *revision* is the desired state's that the device is known to
    have, *wanted* the one that was read last; *error* says why they differ or why the
    last sync failed, empty when all is well. *unsafe* waits for a confirmation.
    """

    connected: bool = False
    backend: str = ""
    reason: str = ""
    interface: str = ""
    index: int = 0
    revision: int = -1
    wanted: int = -1
    last_sync: datetime | None = None
    last_look: datetime | None = None
    error: str = ""
    unseen: str = ""  # why the last look at the peers failed
    unsafe: bool = False
    damaged: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()  # what the last drift was
    drift_total: int = 0
    changes_total: int = 0
    syncs_total: int = 0
    failed_syncs_total: int = 0
    sync_seconds: float = 0.0
    peers: int = 0  # on the device
    welcome: wire.Welcome | None = None

    @property
    def available(self) -> bool:
        """Whether there is a companion, and a device that it can use."""
        return self.connected and bool(self.backend)

    @property
    def trouble(self) -> str:
        """Why the device is not as it should be; empty where it is."""
        return self.error or ("" if self.available else self.reason)


class Desired(Protocol):
    """The desired state, as ``operations.peers.desired`` returns it."""

    @property
    def revision(self) -> int:
        """Which state it is."""

    @property
    def peers(self) -> tuple[DesiredPeer, ...]:
        """The peers that are to be there, and no others."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What they may reach behind the server."""

    @property
    def damaged(self) -> tuple[str, ...]:
        """A sentence for each peer that is left out."""

    @property
    def next_expiry(self) -> datetime | None:
        """When the next peer's time is over."""


class PeerStore(Protocol):
    """The store, as the service of the VPN needs it."""

    def expire_due(self) -> "Deferred[int]":
        """Mark the peers whose time is over; fires with how many."""

    def desired(self, sites: tuple[str, ...]) -> "Deferred[Desired]":
        """Read what the device should be; grants only for networks of *sites*."""

    def unexplained(self, keys: frozenset[bytes]) -> "Deferred[int]":
        """Read how many of *keys* the store gives no reason to remove."""

    def observed(self, statuses: Sequence[wire.Status]) -> "Deferred[list[PeerStatus]]":
        """Keep what was seen; fires with it as the API shows it."""
