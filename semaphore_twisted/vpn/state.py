"""The desired state of the VPN, and the store that the VPN service reads it from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from twisted.internet.defer import Deferred

from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.state import DesiredPeer, Grant


class IDesiredState(Protocol):
    """The desired state, as ``operations.vpn.peers.desired`` returns it."""

    @property
    def revision(self) -> int:
        """The number of the state."""

    @property
    def peers(self) -> tuple[DesiredPeer, ...]:
        """All peers that the device should have."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The networks behind the server that they may reach."""

    @property
    def damaged(self) -> tuple[str, ...]:
        """A sentence for each peer that is left out."""

    @property
    def next_expiry(self) -> datetime | None:
        """The time when the next peer expires."""


class PeerStore(Protocol):
    """The operations of the store that the VPN service needs."""

    def expire_due(self) -> "Deferred[int]":
        """Mark expired peers; fires with their number."""

    def desired(self, sites: tuple[str, ...]) -> "Deferred[IDesiredState]":
        """Read the desired state; grants only for networks of *sites*."""

    def keys_without_removal_reason(self, keys: frozenset[bytes]) -> "Deferred[int]":
        """Count the *keys* for whose removal the store has no reason."""

    def observed(self, statuses: Sequence[wire.Status]) -> "Deferred[list[PeerStatus]]":
        """Store the statuses; fires with them in the form of the API."""
