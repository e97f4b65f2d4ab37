"""Listeners that are reachable inside the tunnel only.

Linux answers for each of its own addresses on any interface, so binding to the tunnel's
address is not enough: a packet routed to it outside the tunnel would reach the
listener. ``SO_BINDTODEVICE`` refuses it (measured, and unprivileged since Linux 5.7),
and so does the companion's nft rule.

A recreated interface has another index, and a socket bound to the old one receives
nothing. So the sockets are then closed and bound again. They fail closed: without the
interface or the address there is no listener, never one elsewhere.

Packets from the server to its own tunnel address go over ``lo``, so each listener has a
second socket that is bound to the same address and ``lo``.
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
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.runtime.netlink import LinkWatch

#: Seconds between two checks, in case no notification of a change arrives.
CHECK_INTERVAL = 1.0

#: The device that carries the server's own connections.
LOOPBACK = "lo"

BACKLOG = 256

NOT_CHECKED, RECREATED = "not checked yet", "the interface is another one now"


class Devices(Protocol):
    """The functions of the kernel for interfaces, addresses and sockets."""

    def index(self, interface: str) -> int:
        """Return the interface's index, 0 if it does not exist."""

    def has(self, address: str) -> bool:
        """Whether the machine has *address* now."""

    def bind(
        self, *, device: str, address: str, port: int, datagrams: bool
    ) -> socket.socket:
        """Return a socket on *address* that receives from *device* only.

        :raises OSError: as the kernel does.
        """


class KernelDevices:
    """Implements :class:`Devices` with system calls."""

    def index(self, interface: str) -> int:
        """Return the interface's index, 0 if it does not exist."""
        try:
            return socket.if_nametoindex(interface)
        except OSError:
            return 0

    def has(self, address: str) -> bool:
        """Whether *address* can be bound; port 0 conflicts with no other program."""
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
        return True

    def bind(
        self, *, device: str, address: str, port: int, datagrams: bool
    ) -> socket.socket:
        """Return a bound socket, listening unless it is for datagrams."""
        kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
        made = socket.socket(_family(address), kind | socket.SOCK_NONBLOCK)
        try:
            # before bind: the socket never receives from another device
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
    """One port on one tunnel address, bound to one device.

    *serves* is a factory for connections or a function that returns a protocol for
    datagrams. *device* is the tunnel's interface, or ``lo``. *reason* says why the port
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
    _reason: LogOnChange = field(factory=lambda: LogOnChange(NOT_CHECKED), init=False)
    _log: ClassVar[Logger] = Logger()

    @property
    def datagrams(self) -> bool:
        """Whether this is a UDP port."""
        return not IProtocolFactory.providedBy(self.serves)

    @property
    def reason(self) -> str:
        """Why it does not listen; empty where it does."""
        return self._reason.state

    @property
    def listening(self) -> bool:
        """Whether it listens now."""
        return self._open is not None

    def check(self, devices: Devices, reactor: Any) -> "Deferred[None] | None":
        """Listen or close, depending on the interface and the address.

        The Deferred, if there is one, fires when the old socket is closed. Only then
        can the port be bound again: call this method again.
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
        """Stop listening; open connections are not closed."""
        opened, self._open = self._open, None
        waiting: Deferred[None] = Deferred()
        if opened is None and not self._closing:
            waiting.callback(None)
            return waiting
        self._closing.append(waiting)
        if opened is not None:
            closing = maybeDeferred(opened.stopListening)
            log_errors(
                closing.addBoth(self._closed),
                log=self._log,
                sentence="A port inside the tunnel could not be closed",
            )
        return waiting

    def _closed(self, result: object) -> object:
        closing, self._closing = self._closing, []
        for waiting in closing:
            waiting.callback(None)
        return result  # a failure is logged by the caller

    def _absent(self, index: int) -> str:
        missing = self.address if index else f"the interface {self.interface}"
        return f"{missing} is not there: does semaphore-vpn run?"

    def _bind(self, devices: Devices, reactor: Any) -> str:
        """Listen; return the reason if that fails, else an empty text."""
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


def tunnel_ports(
    interface: str,
    addresses: Sequence[str],
    port: int,
    serves: IProtocolFactory | Callable[[], DatagramProtocol],
) -> list[TunnelPort]:
    """Return two ports for each address: for the tunnel, and for the server itself."""
    return [
        TunnelPort(interface, address, port, serves, device)
        for address in addresses
        for device in (interface, LOOPBACK)
    ]


class TunnelListeners(Service):
    """All listeners inside the tunnel; they are rebound when the interface changes."""

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
        self._watch = watch or LinkWatch(self.check, reactor=reactor)
        self._timer = LoopingCall(self.check)
        self._timer.clock = reactor

    @override
    def startService(self) -> None:
        """Listen on each port whose interface exists, and check them periodically."""
        super().startService()
        self._watch.start()
        checking = self._timer.start(CHECK_INTERVAL, now=True)
        log_errors(
            checking, log=self._log, sentence="Checking the tunnel's ports stopped"
        )

    @override
    def stopService(self) -> "Deferred[None]":
        """Stop listening."""
        super().stopService()
        self._watch.stop()
        if self._timer.running:
            self._timer.stop()
        return Deferred.fromCoroutine(self._close())

    def check(self) -> None:
        """Adapt each port to the current interface and addresses."""
        if not self.running:
            return
        for port in self.ports:
            try:
                closing = port.check(self._devices, self._reactor)
            except Exception:  # noqa: BLE001 - the other ports must be checked too
                self._log.failure("A port inside the tunnel could not be checked")
                continue
            if closing is not None:
                again = closing.addCallback(lambda _: self.check())
                log_errors(again, log=self._log, sentence="Checking the ports failed")

    async def _close(self) -> None:
        for port in self.ports:
            await port.close()
