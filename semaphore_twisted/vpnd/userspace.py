"""WireGuard in a separate process: runs ``wireguard-go``.

The companion opens the TUN device and the listening socket, and passes both to the
daemon. So the interface, its index and its addresses stay when a killed daemon is
replaced. The companion itself may end and be restarted: the daemon has a session of its
own, and is found again by its socket.

wireguard-go and ``wg`` look for ``/var/run/wireguard/IFACE.sock``, and wireguard-go
ends if that path is missing. It leads to our socket by a link or a mount.
"""

import fcntl
import os
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.vpnd.device import IWireGuardDevice, WgDevice
from semaphore_twisted.vpnd.programs import (
    ENVIRONMENT,
    ProgramFailed,
    Programs,
    find_program,
)
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed

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


def _attached(tun: int) -> bytes:
    """Return the interface to which the descriptor is attached (``struct ifreq``).

    :raises OSError: if there is none.
    """
    return fcntl.ioctl(tun, _TUNGETIFF, bytes(40))


def is_served(path: Path) -> bool:
    """Whether a program listens on the socket *path*."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class _Daemon(ProcessProtocol):
    """The wireguard-go process; *ended* fires when it has ended."""

    def __init__(self, lost: "Callable[[_Daemon], None]") -> None:
        self.ended: Deferred[None] = Deferred()
        self._lost = lost

    @override
    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)
        self._lost(self)


@implementer(IWireGuardDevice)
class UserspaceDevice(WgDevice):
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
        reactor: IReactorProcess,
    ) -> None:
        """Own *tun*, if that is not -1, and sockets in *folder*."""
        super().__init__(settings, private_key, programs=programs)
        self._socket = folder / f"{settings.interface}.sock"
        self._tun = tun
        self._reactor = reactor
        #: called when the daemon has ended unexpectedly
        self.lost: Callable[[], None] = lambda: None
        self._daemon: _Daemon | None = None

    @override
    async def make(self) -> None:
        """Start a daemon on the interface, which is created if it does not exist."""
        program, _ = find_program("wireguard-go"), find_program("wg")
        await self._end()
        await self._attach()
        listening = self._listen()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._daemon = _Daemon(self._ended)
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

    @override
    async def down(self) -> None:
        """End the daemon, and delete the interface."""
        await self._end()
        await super().down()

    @override
    async def _wg(self, *arguments: str, content: bytes = b"") -> bytes:
        # without a listener, `wg` would unlink the socket, and look for an interface of
        # this name in the kernel, which would not be ours
        if not is_served(self._socket):
            raise ProgramFailed("wireguard-go does not listen")
        return await super()._wg(*arguments, content=content)

    def _ended(self, daemon: "_Daemon") -> None:
        if daemon is self._daemon:
            self.lost()

    async def _end(self) -> None:
        """End the daemon that serves the interface.

        Two daemons would read from one TUN descriptor.
        """
        daemon, self._daemon = self._daemon, None
        transport = None if daemon is None else daemon.transport
        if daemon and transport and transport.pid is not None:
            transport.signalProcess("KILL")
            await daemon.ended
        self._socket.unlink(missing_ok=True)

    async def _attach(self) -> None:
        """Attach our descriptor to the interface, unless it already is."""
        if self._tun >= 0 and not self.index():
            with suppress(OSError):
                _attached(self._tun)
                os.close(self._tun)  # its interface is in another network namespace now
                self._tun = -1
        if self._tun < 0:
            self._tun = open_tun()
        flags = await self._flags()
        with suppress(OSError):
            (present,) = struct.unpack("16xH22x", _attached(self._tun))
            # IFF_NO_PI cannot be read: another flag uses its bit in the answer
            if not (present ^ flags) & _IFF_VNET_HDR:
                return
            # wireguard-go was replaced by a release with another packet format
            await super().down()
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
        seen = WATCHED / self._socket.name
        try:
            listening.bind(str(self._socket))
            listening.listen(16)
            if not os.path.lexists(seen):  # `wg` has unlinked it
                seen.symlink_to(self._socket)
            if seen.samefile(self._socket):
                return listening
            why = "another is there"
        except OSError as error:
            why = error.strerror or str(error)
        listening.close()
        raise DeviceFailed(
            f"{self._socket} has to be seen in {WATCHED} ({why}): start the companion "
            "as root, or bind the directory over it as the unit does"
        )
