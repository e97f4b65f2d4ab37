"""The interface of the companion's WireGuard devices."""

from collections.abc import Awaitable, Sequence

from zope.interface import Attribute, Interface

from semaphore_twisted.wireguard.state import Change, DeviceState


class IWireGuardDevice(Interface):
    """A WireGuard interface; all implementations behave alike."""

    name = Attribute("``kernel`` or ``userspace``; the double has ``memory``")

    def ensure() -> Awaitable[bool]:
        """Bring the interface up, with key, port, addresses and MTU.

        Writes only what differs. Returns whether the interface was created.

        :raises DeviceFailed: if it cannot be brought up.
        """

    def index() -> int:
        """Return the interface's index, 0 if there is no interface."""

    def state() -> Awaitable[DeviceState]:
        """Read the whole device state.

        :raises DeviceFailed: rather than omit a part.
        """

    def apply(changes: Sequence[Change]) -> Awaitable[None]:
        """Apply *changes* in order; does nothing for an empty sequence."""

    def down() -> Awaitable[None]:
        """Remove the interface; does nothing if there is none."""
