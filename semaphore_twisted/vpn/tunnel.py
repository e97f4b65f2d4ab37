"""Listeners that exist inside the tunnel only.

Linux answers for an address of its own on any interface, so binding to the tunnel's
address is not enough: a packet that was routed to it outside the tunnel would reach
the listener. ``SO_BINDTODEVICE`` is what refuses it (measured, and unprivileged since
Linux 5.7), and the companion's nft rule beside it.

An interface that was made anew has another number, and a socket on the old one is
deaf. So the sockets are closed and bound again then. They fail closed: without the
interface or the address there is no listener, never one elsewhere.

What the server sends to its own tunnel address goes over ``lo``, so each listener has
a twin that is bound to the same address and ``lo``.
"""

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.deferreds import forget
from semaphore_twisted.links import LinkWatch
from semaphore_twisted.log_on_change import LogOnChange

#: Seconds between two looks, should no word of a change come.
LOOK_SECONDS = 1.0

#: The device that the server itself comes by.
LOOPBACK = "lo"

BACKLOG = 256

NOT_LOOKED, RECREATED = "not looked yet", "the interface is another one now"


class Devices(Protocol):
    """What is asked of the kernel about interfaces and addresses."""

    def index(self, interface: str) -> int:
        """Return the interface's number, 0 where there is none."""

    def has(self, address: str) -> bool:
        """Whether *address* is one of this machine's now."""

    def bind(
        self, *, device: str, address: str, port: int, datagrams: bool
    ) -> socket.socket:
        """Return a socket on *address* that hears *device* only.

        :raises OSError: as the kernel does.
        """


class KernelDevices:
    """The kernel's answers."""

    def index(self, interface: str) -> int:
        """Return the interface's number, 0 where there is none."""
        try:
            return socket.if_nametoindex(interface)
        except OSError:
            return 0

    def has(self, address: str) -> bool:
        """Try whether something can be bound to *address*; port 0 disturbs nobody."""
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
        return True

    def bind(
        self, *, device: str, address: str, port: int, datagrams: bool
    ) -> socket.socket:
        """Return a socket, listening if it is one for connections."""
        kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
        made = socket.socket(_family(address), kind | socket.SOCK_NONBLOCK)
        try:
            # before the address: from the first moment it hears nothing else
            made.setsockopt(
                socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0"
            )
            if made.family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if not datagrams:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            if not datagrams:
                made.listen(BACKLOG)
        except BaseException:
            made.close()
            raise
        return made


def _family(address: str) -> socket.AddressFamily:
    version = ipaddress.ip_address(address).version
    return socket.AF_INET if version == 4 else socket.AF_INET6


@define(eq=False)
class TunnelPort:
    """One port on one tunnel address, heard on one device.

    *serves* is a factory for connections or a function that makes a protocol for
    datagrams. *device* is the tunnel's interface, or ``lo``. *reason* says why it
    does not listen, empty while it does.
    """

    interface: str
    address: str
    port: int
    serves: IProtocolFactory | Callable[[], DatagramProtocol]
    device: str = ""
    _index: int = 0
    _open: IListeningPort | None = None
    _closing: "list[Deferred[None]]" = field(factory=list)
    _reason: LogOnChange = field(factory=lambda: LogOnChange(NOT_LOOKED), init=False)
    _log: ClassVar[Logger] = Logger()

    @property
    def datagrams(self) -> bool:
        """Whether this is a port of UDP."""
        return not IProtocolFactory.providedBy(self.serves)

    @property
    def reason(self) -> str:
        """Why it does not listen; empty where it does."""
        return self._reason.state

    @property
    def listening(self) -> bool:
        """Whether it listens now."""
        return self._open is not None

    def look(self, devices: Devices, reactor: Any) -> "Deferred[None] | None":
        """Listen or close, as the interface and the address are now.

        What is returned fires when the old socket is gone, which must be before there
        can be another one: look again then.
        """
        if self._closing:
            return None
        interface = devices.index(self.interface)
        there = interface != 0 and devices.has(self.address)
        index = devices.index(self.device or self.interface)
        if self._open is None:
            self._index = index
            self._say(
                self._bind(devices, reactor) if there else self._absent(interface)
            )
        elif not there or index != self._index:
            self._say(RECREATED if there else self._absent(interface))
            return self.close()
        return None

    def close(self) -> "Deferred[None]":
        """Listen no more; connections that are open end by themselves."""
        opened, self._open = self._open, None
        waiting: Deferred[None] = Deferred()
        if opened is None and not self._closing:
            waiting.callback(None)
            return waiting
        self._closing.append(waiting)
        if opened is not None:
            closing = maybeDeferred(opened.stopListening)
            forget(
                closing.addBoth(self._closed), log=self._log, sentence="A port is open"
            )
        return waiting

    def _closed(self, result: object) -> object:
        closing, self._closing = self._closing, []
        for waiting in closing:
            waiting.callback(None)
        return result  # a failure is for the log

    def _absent(self, index: int) -> str:
        missing = self.address if index else f"the interface {self.interface}"
        return f"{missing} is not there: does semaphore-vpn run?"

    def _bind(self, devices: Devices, reactor: Any) -> str:
        """Listen, and return why not."""
        try:
            with devices.bind(
                device=self.device or self.interface,
                address=self.address,
                port=self.port,
                datagrams=self.datagrams,
            ) as bound:
                if self.datagrams:
                    self._open = reactor.adoptDatagramPort(
                        bound.fileno(),
                        bound.family,
                        self.serves(),  # type: ignore[operator]
                    )
                else:
                    self._open = reactor.adoptStreamPort(
                        bound.fileno(), bound.family, self.serves
                    )
        except OSError as error:
            return _sentence(error)
        return ""

    def _say(self, reason: str) -> None:
        where = f"{self.address} port {self.port} on {self.device or self.interface}"
        changed = self._reason.log(
            reason,
            self._log.warn,
            "Not listening on {where}: {reason}",
            where=where,
            reason=reason,
        )
        if changed and not reason:
            self._log.info("Listening on {where}", where=where)


def _sentence(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program"
    return os.strerror(error.errno) if error.errno else str(error)


def inside(
    interface: str,
    addresses: Sequence[str],
    port: int,
    serves: IProtocolFactory | Callable[[], DatagramProtocol],
) -> list[TunnelPort]:
    """Return the ports of each address: for the tunnel, and for the server itself."""
    return [
        TunnelPort(interface, address, port, serves, device)
        for address in addresses
        for device in (interface, LOOPBACK)
    ]


class Tunnel(Service):
    """Everything that listens inside the tunnel, bound again whenever that is due."""

    name = "tunnel"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        ports: Sequence[TunnelPort],
        *,
        reactor: Any,
        devices: Devices | None = None,
        watch: LinkWatch | None = None,
    ) -> None:
        """Own *ports*."""
        self.ports = tuple(ports)
        self._reactor = reactor
        self._devices = devices or KernelDevices()
        self._watch = watch or LinkWatch(self.look, reactor=reactor)
        self._timer = LoopingCall(self.look)
        self._timer.clock = reactor

    @override
    def startService(self) -> None:
        """Listen where the interface is there, and wait for it where it is not."""
        super().startService()
        self._watch.start()
        looking = self._timer.start(LOOK_SECONDS, now=True)
        forget(looking, log=self._log, sentence="The tunnel is not looked at")

    @override
    def stopService(self) -> "Deferred[None]":
        """Listen no more."""
        super().stopService()
        self._watch.stop()
        if self._timer.running:
            self._timer.stop()
        return Deferred.fromCoroutine(self._close())

    def look(self) -> None:
        """Bring each port to what interface and addresses are now."""
        if not self.running:
            return
        for port in self.ports:
            try:
                closing = port.look(self._devices, self._reactor)
            except Exception:  # noqa: BLE001 - the others and the next look go on
                self._log.failure("A port inside the tunnel could not be looked at")
                continue
            if closing is not None:
                again = closing.addCallback(lambda _: self.look())
                forget(again, log=self._log, sentence="The tunnel is not looked at")

    async def _close(self) -> None:
        for port in self.ports:
            await port.close()
