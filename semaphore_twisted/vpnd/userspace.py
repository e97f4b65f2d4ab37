"""WireGuard in a separate process: runs ``wireguard-go`` and controls it by UAPI.

The companion opens the TUN device and the listening socket, and passes both to the
daemon. So the interface, its index and its addresses stay when a killed daemon is
replaced. The companion itself may end and be restarted: the daemon has a session of its
own, and is found again by its socket.

wireguard-go watches ``/var/run/wireguard/IFACE.sock``, whichever socket it was given,
and ends if that path is missing. The path leads to our socket by a link or a mount.
"""

import fcntl
import os
import re
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.vpnd.programs import (
    ENVIRONMENT,
    IProgramReactor,
    Programs,
    find_program,
)
from semaphore_twisted.vpnd.uapi_connection import UapiConnection
from semaphore_twisted.wireguard import keys, uapi
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import Change, DeviceFailed, DeviceState

TUN = Path("/dev/net/tun")

#: The directory in which wireguard-go and ``wg`` look for sockets.
WATCHED = Path("/var/run/wireguard")

#: ``linux/if_tun.h``
_TUNSETIFF, _TUNGETIFF = 0x400454CA, 0x800454D2
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x1, 0x1000, 0x4000
#: creates an interface, and fails if it exists
_IFF_TUN_EXCL = 0x8000

#: The first release that expects packets without a protocol header (IFF_NO_PI) and
#: with an offload header (IFF_VNET_HDR); earlier ones expect the opposite.
_WITHOUT_PI = 20230223
_VERSION = re.compile(rb"v0\.0\.([0-9]{8})\b")

#: The numbers of the descriptors in the daemon.
_TUN_FD, _SOCKET_FD = 3, 4


def open_tun() -> int:
    """Return a descriptor of the TUN device that is not attached to an interface.

    :raises DeviceFailed: if it cannot be opened, with the remedy.
    """
    try:
        return os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise DeviceFailed(
            f"{TUN}: {error.strerror}; the device is needed: modprobe tun, or give it "
            "to the container"
        ) from None


def _has_interface(tun: int) -> bool:
    """Whether the descriptor is attached to an interface."""
    try:
        fcntl.ioctl(tun, _TUNGETIFF, bytes(40))
    except OSError:
        return False
    return True


class _Daemon(ProcessProtocol):
    """The wireguard-go process; *ended* fires when it has ended."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    @override
    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)


@implementer(IWireGuardDevice)
class UserspaceDevice:
    """An interface that wireguard-go serves."""

    name = "userspace"

    def __init__(
        self,
        settings: TunnelSettings,
        private_key: bytes,
        *,
        folder: Path,
        tun: int,
        programs: Programs,
        reactor: IProgramReactor,
    ) -> None:
        """Own *tun*, if that is not -1, and sockets in *folder*."""
        self._settings = settings
        self._private_key = private_key
        self._socket = folder / f"{settings.interface}.sock"
        self._tun = tun
        self._programs = programs
        self._reactor = reactor
        #: called when the daemon has ended unexpectedly
        self.lost: Callable[[], None] = lambda: None
        self._daemon: _Daemon | None = None
        self._conversation: UapiConnection | None = None
        self._anew = False

    def ensure(self) -> "Deferred[bool]":
        """Create the interface and start its daemon if needed, and configure both."""
        return Deferred.fromCoroutine(self._ensure())

    def index(self) -> int:
        """Return the interface's index."""
        return addressing.index(self._settings.interface)

    def state(self) -> "Deferred[DeviceState]":
        """Read the device."""
        return self._ask(uapi.GET).addCallback(uapi.decode_get)

    def apply(self, changes: Sequence[Change]) -> "Deferred[None]":
        """Write *changes*; if that fails, some of them may have been made."""
        if not changes:
            return succeed(None)
        return self._ask(uapi.encode_set(changes)).addCallback(uapi.check_answer)

    def down(self) -> "Deferred[None]":
        """End the daemon, and delete the interface."""
        return Deferred.fromCoroutine(self._down())

    async def _ensure(self) -> bool:
        if not await self._is_served():
            await self._end()
            await self._start()
        actual = await self.state()
        key = self._private_key
        fields = uapi.DeviceFields(
            private_key=key if actual.public_key != keys.public_of(key) else None,
            # writing the same port again would make it drop packets
            port=self._settings.port if actual.port != self._settings.port else None,
        )
        if fields.private_key is not None or fields.port is not None:
            uapi.check_answer(await self._ask(uapi.encode_set((), fields)))
        await addressing.bring_up(self._settings, self._programs)
        anew, self._anew = self._anew, False
        return anew

    async def _is_served(self) -> bool:
        """Whether the interface exists and has a daemon; connect to it if needed."""
        if not self.index():
            return False
        if self._conversation is None or self._conversation.over:
            with suppress(DeviceFailed):
                await self._connect()
                await self.state()
        return self._conversation is not None and not self._conversation.over

    async def _connect(self) -> None:
        uapi_connection = UapiConnection(self._reactor, self._ended)
        factory = Factory.forProtocol(lambda: uapi_connection)
        factory.noisy = False
        endpoint = UNIXClientEndpoint(self._reactor, str(self._socket), timeout=2)
        try:
            await endpoint.connect(factory)
        except Exception as error:
            raise DeviceFailed("wireguard-go does not listen") from error
        self._conversation = uapi_connection

    def _ask(self, request: bytes) -> "Deferred[bytes]":
        if self._conversation is None:
            return fail(DeviceFailed("The interface is not there"))
        return self._conversation.ask(request)

    def _ended(self) -> None:
        self.lost()

    async def _end(self) -> None:
        """End the daemon that serves the interface.

        Two daemons would read from one TUN descriptor.
        """
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.end()
        daemon, self._daemon = self._daemon, None
        transport = None if daemon is None else daemon.transport
        if daemon and transport and transport.pid is not None:
            transport.signalProcess("KILL")
            await daemon.ended
        self._socket.unlink(missing_ok=True)

    async def _start(self) -> None:
        program = find_program("wireguard-go")
        await self._attach()
        listening = self._listen()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._daemon = _Daemon()
        try:
            # a session of its own: it survives the companion and Control-C
            self._reactor.spawnProcess(
                self._daemon,
                find_program("setsid"),
                ["setsid", program, "-f", self._settings.interface],
                {
                    **ENVIRONMENT,
                    "WG_TUN_FD": str(_TUN_FD),
                    "WG_UAPI_FD": str(_SOCKET_FD),
                    "WG_PROCESS_FOREGROUND": "1",
                    "LOG_LEVEL": "silent",
                },
                # no pipe: without a companion, the next output would end the daemon
                childFDs={
                    0: null,
                    1: null,
                    2: null,
                    _TUN_FD: self._tun,
                    _SOCKET_FD: listening.fileno(),
                },
            )
        finally:
            os.close(null)
            listening.close()
        self._anew = True
        await self._connect()

    async def _attach(self) -> None:
        """Attach our descriptor to the interface, unless it already is."""
        if self._tun >= 0 and not self.index() and _has_interface(self._tun):
            os.close(self._tun)  # its interface is in another network namespace now
            self._tun = -1
        if self._tun < 0:
            self._tun = open_tun()
        flags = await self._flags()
        with suppress(OSError):
            find_program = fcntl.ioctl(self._tun, _TUNGETIFF, bytes(40))
            # IFF_NO_PI cannot be read: another flag uses its bit in the answer
            if not (struct.unpack("16xH22x", find_program)[0] ^ flags) & _IFF_VNET_HDR:
                return
            # wireguard-go was replaced by a release with another packet format
            await self._delete()
        name = self._settings.interface
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", self._settings.port))
            except OSError as error:
                raise DeviceFailed(
                    f"UDP port {self._settings.port}: {error.strerror}; another "
                    "program has it"
                ) from None
        try:
            request = struct.pack(
                "16sH22x", name.encode("ascii"), flags | _IFF_TUN_EXCL
            )
            fcntl.ioctl(self._tun, _TUNSETIFF, request)
        except OSError as error:
            raise DeviceFailed(
                f"The interface {name} cannot be made: {error.strerror}; the right "
                "CAP_NET_ADMIN is needed, and a name that no other has"
            ) from None

    async def _flags(self) -> int:
        """Return the packet format that wireguard-go expects; it does not check it."""
        printed = await self._programs.run("wireguard-go", "--version")
        version = _VERSION.search(printed)
        if version is not None and int(version[1]) < _WITHOUT_PI:
            return _IFF_TUN
        return _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._socket))
            listening.listen(16)
            if (WATCHED / self._socket.name).samefile(self._socket):
                return listening
            why = "another is there"
        except OSError as error:
            why = error.strerror or str(error)
        listening.close()
        raise DeviceFailed(
            f"{self._socket} has to be seen in {WATCHED} ({why}): start the companion "
            "as root, or bind the directory over it as the unit does"
        )

    async def _down(self) -> None:
        await self._end()
        await self._delete()

    async def _delete(self) -> None:
        await addressing.delete(self._settings.interface, self._programs)
