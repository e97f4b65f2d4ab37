"""Listeners inside the tunnel, on a kernel made of a dictionary."""

import errno
import os
import socket
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.runtime.netlink import LinkWatch
from semaphore_twisted.vpn.tunnel import (
    CHECK_INTERVAL,
    Devices,
    KernelDevices,
    TunnelListeners,
    tunnel_ports,
)

ADDRESS = "10.80.0.1"


@define(eq=False)
class _Devices:
    """Interfaces by name, addresses, and the sockets that were bound."""

    links: dict[str, int] = field(factory=lambda: {"lo": 1})
    addresses: set[str] = field(factory=set)
    error: int = 0
    bound: list[tuple[str, str, int, bool]] = field(factory=list)

    def index(self, interface: str) -> int:
        """Return the number."""
        return self.links.get(interface, 0)

    def has(self, address: str) -> bool:
        """Whether the address exists."""
        return address in self.addresses

    def bind(
        self, *, device: str, address: str, port: int, datagrams: bool
    ) -> socket.socket:
        """Write down what was bound; the socket is of another kind."""
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        self.bound.append((device, address, port, datagrams))
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def up(self, index: int) -> None:
        """Make the interface."""
        self.links["semaphore0"] = index
        self.addresses.add(ADDRESS)

    def down(self) -> None:
        """Take it away."""
        self.links.pop("semaphore0", None)
        self.addresses.clear()


class _Port:
    """A port that a test may keep from closing."""

    def __init__(self, closed: "Deferred[None] | None") -> None:
        self.closed = closed
        self.open = True

    def stopListening(self) -> Any:
        """Close the port."""
        self.open = False
        return self.closed


class _Reactor(MemoryReactorClock):
    """Adopts every port that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[_Port] = []
        self.served: list[Any] = []
        self.closing: Deferred[None] | None = None

    def adoptStreamPort(self, fileno: int, family: Any, factory: Any) -> Any:
        """Keep the factory."""
        return self._adopt(factory)

    def adoptDatagramPort(  # type: ignore[override]
        self, fileno: int, family: Any, protocol: Any
    ) -> Any:
        """Keep the protocol."""
        return self._adopt(protocol)

    def _adopt(self, served: Any) -> _Port:
        self.served.append(served)
        self.ports.append(_Port(self.closing))
        return self.ports[-1]

    def open(self) -> int:
        """Return how many ports are open."""
        return sum(port.open for port in self.ports)


class _NoWatch(LinkWatch):
    """A watch without events: the test starts each check."""

    def start(self) -> bool:
        """Do nothing."""
        return False


class TunnelTests(SynchronousTestCase):
    """Ports follow the interface."""

    def setUp(self) -> None:
        """Have an HTTPS port and a port of names, and no interface."""
        self.devices = _Devices()
        self.reactor: Any = _Reactor()
        self.site = Factory()
        reactor: Any = self.reactor
        self.tunnel = TunnelListeners(
            [
                *tunnel_ports("semaphore0", [ADDRESS], 443, self.site),
                *tunnel_ports("semaphore0", [ADDRESS], 53, DatagramProtocol),
            ],
            reactor=self.reactor,
            devices=self.devices,
            watch=_NoWatch(lambda: None, reactor=reactor),
        )

    def tearDown(self) -> None:
        """Nothing is left."""
        self.successResultOf(self.tunnel.stopService())
        self.assertEqual(self.reactor.open(), 0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_bound(self) -> None:
        """Each port is bound to the address, on the interface and for the server."""
        self.devices.up(7)
        self.tunnel.startService()
        self.assertEqual(
            self.devices.bound,
            [
                ("semaphore0", ADDRESS, 443, False),
                ("lo", ADDRESS, 443, False),
                ("semaphore0", ADDRESS, 53, True),
                ("lo", ADDRESS, 53, True),
            ],
        )
        self.assertIs(self.reactor.served[0], self.site)
        self.assertIsInstance(self.reactor.served[2], DatagramProtocol)
        self.assertIsNot(self.reactor.served[2], self.reactor.served[3])
        self.assertTrue(all(port.listening for port in self.tunnel.ports))
        self.assertEqual({port.reason for port in self.tunnel.ports}, {""})

    def test_closed(self) -> None:
        """It fails closed: without the interface nothing is bound anywhere."""
        self.tunnel.startService()
        self.reactor.advance(60)
        self.assertEqual(self.devices.bound, [])
        for port in self.tunnel.ports:
            self.assertIn("semaphore0 is not there", port.reason)

    def test_no_address(self) -> None:
        """Nor without the address."""
        self.devices.links["semaphore0"] = 7
        self.tunnel.startService()
        self.assertEqual(self.devices.bound, [])
        self.assertIn(ADDRESS, self.tunnel.ports[0].reason)

    def test_later(self) -> None:
        """Within a second of the interface's coming it listens."""
        self.tunnel.startService()
        self.devices.up(7)
        self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(self.reactor.open(), 4)

    def test_told(self) -> None:
        """The port is bound at once when the kernel reports the interface."""
        self.tunnel.startService()
        self.devices.up(7)
        self.tunnel.check()
        self.assertEqual(self.reactor.open(), 4)

    def test_gone(self) -> None:
        """Without the interface the port is closed, for the server too."""
        self.devices.up(7)
        self.tunnel.startService()
        self.devices.down()
        self.tunnel.check()
        self.assertEqual(self.reactor.open(), 0)
        self.assertFalse(self.tunnel.ports[0].listening)
        self.assertIn("not there", self.tunnel.ports[0].reason)

    def test_recreated(self) -> None:
        """An interface with another index is bound again."""
        self.devices.up(7)
        self.tunnel.startService()
        self.devices.up(8)
        self.tunnel.check()
        self.assertEqual(self.reactor.open(), 4)
        self.assertEqual(
            [port.open for port in self.reactor.ports],
            [False, True, False, True, True, True],
        )

    def test_unchanged(self) -> None:
        """A port without changes is not touched."""
        self.devices.up(7)
        self.tunnel.startService()
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.ports), 4)

    def test_closing(self) -> None:
        """The old socket is closed before the new one is opened."""
        self.devices.up(7)
        closed: Deferred[None] = Deferred()
        self.reactor.closing = closed
        self.tunnel.startService()
        self.reactor.closing = None
        self.devices.up(8)
        self.tunnel.check()
        self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(len(self.reactor.ports), 4)
        closed.callback(None)
        self.assertEqual(len(self.reactor.ports), 6)

    def test_stopped_while_closing(self) -> None:
        """The stop waits for a closing socket, and no new one is opened."""
        self.devices.up(7)
        closed: Deferred[None] = Deferred()
        self.reactor.closing = closed
        self.tunnel.startService()
        self.reactor.closing = None
        self.devices.up(8)
        self.tunnel.check()
        stopped = self.tunnel.stopService()
        self.assertNoResult(stopped)
        closed.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.open(), 0)

    def test_errors(self) -> None:
        """An error of the kernel becomes the reason, and binding is tried again."""
        self.devices.up(7)
        for number, words in (
            (errno.EACCES, "CAP_NET_BIND_SERVICE"),
            (errno.EADDRINUSE, "in use"),
            (errno.ENODEV, "No such device"),
        ):
            self.devices.error = number
            self.tunnel.startService()
            self.assertIn(words, self.tunnel.ports[0].reason)
            self.successResultOf(self.tunnel.stopService())
        self.tunnel.startService()
        self.devices.error = 0
        self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(self.reactor.open(), 4)

    def test_stopped(self) -> None:
        """A stopped port is not opened again."""
        self.tunnel.startService()
        self.successResultOf(self.tunnel.stopService())
        self.devices.up(7)
        self.tunnel.check()
        self.assertEqual(self.devices.bound, [])


class KernelDevicesTests(SynchronousTestCase):
    """The kernel's own answers, as far as any machine gives them."""

    def setUp(self) -> None:
        """Ask the kernel."""
        self.devices: Devices = KernelDevices()

    def test_index(self) -> None:
        """Numbers are the kernel's, 0 where there is no such interface."""
        self.assertEqual(self.devices.index("lo"), socket.if_nametoindex("lo"))
        self.assertEqual(self.devices.index("none0"), 0)

    def test_has(self) -> None:
        """Existing and missing addresses are distinguished."""
        self.assertTrue(self.devices.has("127.0.0.1"))
        self.assertFalse(self.devices.has("192.0.2.77"))
        self.assertFalse(self.devices.has("2001:db8::77"))

    def test_bind(self) -> None:
        """A socket hears one device, and does not wait."""
        for datagrams in (False, True):
            with self.devices.bind(
                device="lo", address="127.0.0.1", port=0, datagrams=datagrams
            ) as made:
                device = made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
                self.assertEqual(device.rstrip(b"\0"), b"lo")
                self.assertFalse(made.getblocking())

    def test_refused(self) -> None:
        """A missing interface or address is an error, and is not replaced."""
        for device, address in (("none0", "127.0.0.1"), ("lo", "192.0.2.77")):
            with self.assertRaises(OSError):
                self.devices.bind(
                    device=device, address=address, port=0, datagrams=False
                )
