"""The server's view of its VPN: an immutable value, replaced after each reading."""

from datetime import datetime

import msgspec

from semaphore_twisted.wireguard import wire


class VpnState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the VPN.

    *connected* says whether the companion is connected, *reason* why it is not or why
    it has no *backend*. *revision* is the desired state that the device is known to
    have, *wanted* the last one that was read; *error* says why they differ or why the
    last sync failed, empty without an error. *unsafe* means that a mass removal needs
    confirmation.
    """

    connected: bool = False
    backend: str = ""
    reason: str = ""
    interface: str = ""
    index: int = 0
    revision: int = -1
    wanted: int = -1
    last_sync: datetime | None = None
    last_poll: datetime | None = None
    error: str = ""
    unseen: str = ""  # why the last reading of the peers failed
    unsafe: bool = False
    damaged: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()  # of the last sync that found some
    drift_total: int = 0
    changes_total: int = 0
    syncs_total: int = 0
    failed_syncs_total: int = 0
    sync_seconds: float = 0.0
    peers: int = 0  # on the device
    welcome: wire.Welcome | None = None

    @property
    def available(self) -> bool:
        """Whether the companion is connected and has a device."""
        return self.connected and bool(self.backend)

    @property
    def failure_reason(self) -> str:
        """The reason why the device is not in the desired state; empty if it is."""
        return self.error or ("" if self.available else self.reason)
