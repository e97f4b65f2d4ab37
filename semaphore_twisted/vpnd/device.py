"""The interface of the companion's WireGuard devices."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from semaphore_twisted.wireguard.state import Change, DeviceState


class IWireGuardDevice(Interface):
    """A WireGuard interface; all implementations behave alike."""

    name = Attribute("``kernel`` or ``userspace``; the double has ``memory``")

    def ensure() -> Deferred[bool]:
        """Bring the interface up, with key, port, addresses and MTU.

        Writes only what differs. Fires with whether the interface was created, and
        fails with ``wireguard.state.DeviceFailed`` if it cannot be brought up.
        """

    def index() -> int:
        """Return the interface's index, 0 if there is no interface."""

    def state() -> Deferred[DeviceState]:
        """Read the whole device state.

        Fails with ``DeviceFailed`` rather than omit a part.
        """

    def apply(changes: Sequence[Change]) -> Deferred[None]:
        """Apply *changes* in order; does nothing for an empty sequence."""

    def down() -> Deferred[None]:
        """Remove the interface; does nothing if there is none."""
