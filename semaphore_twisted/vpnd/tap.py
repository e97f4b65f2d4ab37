"""The composition root of the companion: ``twistd -n semaphore-vpn``.

Everything that needs root is done in :func:`makeService`, before the reactor runs: it
reads the settings, creates the directories and the socket, and opens the TUN device.
Then all privileges but one capability are dropped.
"""

import os
import pwd
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService, Service
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from typing_extensions import override

from semaphore_twisted.model.refusals import invalid, quoted
from semaphore_twisted.runtime import exhaustion, netlink
from semaphore_twisted.runtime.daemon import DaemonOptions
from semaphore_twisted.runtime.netlink import DescriptorWatch, LinkWatch
from semaphore_twisted.runtime.reactor_setup import end_once, steady
from semaphore_twisted.vpnd import capabilities, runtime_paths, userspace
from semaphore_twisted.vpnd.backend_selection import choose
from semaphore_twisted.vpnd.companion import Companion
from semaphore_twisted.vpnd.device import IWireGuardDevice, KernelDevice
from semaphore_twisted.vpnd.diagnosis import Diagnosing
from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.vpnd.expiries import Expiries
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.isolation import TunnelIsolation
from semaphore_twisted.vpnd.lifeline import Lifeline
from semaphore_twisted.vpnd.maintenance_loop import MaintenanceLoop
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.ownership import Ownership
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.route_events import GROUPS, matters
from semaphore_twisted.vpnd.server import CompanionFactory
from semaphore_twisted.vpnd.table_watch import TableWatch
from semaphore_twisted.vpnd.tunnel import Tunnel
from semaphore_twisted.vpnd.userspace import UserspaceDevice
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.settings import (
    FILE,
    KEY,
    TunnelSettings,
    WrongSettings,
    load,
)
from semaphore_twisted.wireguard.state import DeviceFailed

#: ``sysexits.h``
EX_CONFIG = 78

ACCOUNT = "semaphore-vpn"


class StartRefused(Exception):
    """The companion cannot run; the sentence gives the reason."""


class Options(DaemonOptions):
    """The options of the command line."""

    synopsis = "[options]"
    longdesc = "Keep the WireGuard interface, with the right to do that alone."
    optParameters: ClassVar[list[list[object]]] = [
        ["settings", None, "/etc/semaphore-vpn", "Directory that `vpn init` wrote."],
        ["socket", None, "/run/semaphore-vpn/vpn.sock", "Socket for the server."],
        ["state", None, "/var/lib/semaphore-vpn", "Directory for the state."],
        ["user", None, None, f"User to run as, as root ({ACCOUNT}, if it exists)."],
        ["until-closed", None, None, "Pipe: stop when its other end is closed."],
    ]


def makeService(options: Options) -> MultiService:
    """Return the companion; exits with one line if it cannot run."""
    from twisted.internet import reactor  # noqa: PLC0415 - a root chooses the reactor

    exhaustion.install()
    capabilities.harden()
    try:
        steady(reactor)
        end_once(reactor)
        return _made(options, reactor)
    except (
        StartRefused,
        runtime_paths.CannotUse,
        capabilities.CannotDrop,
        WrongSettings,
    ) as error:
        sys.stderr.write(f"semaphore-vpn: {error}\n")
        raise SystemExit(EX_CONFIG) from None


def _made(options: Options, reactor: Any) -> MultiService:
    for name in ("settings", "socket", "state"):
        if not options[name]:
            raise StartRefused(f"--{name}: empty value; expected a path")
    settings, private_key = _read(Path(options["settings"]))
    account = _account(options["user"])
    pipe = _pipe(options["until-closed"])
    path, state = Path(options["socket"]), Path(options["state"])
    sockets = path.parent / "wireguard"
    if account is not None:
        # the server must be able to enter it, to reach the socket
        runtime_paths.folder(path.parent, account, 0o755)
        runtime_paths.show(settings.interface, sockets)
    runtime_paths.folder(sockets, account)
    runtime_paths.folder(state, account)
    tun = -1
    with suppress(DeviceFailed):  # reported again when the device is needed
        tun = userspace.open_tun()
    mode, group = runtime_paths.reach(settings.users)
    if account is not None:
        # only root can give the socket to the server's group
        listening = runtime_paths.listen(path, mode, group, account)
        capabilities.drop(account)
        runtime_paths.check(path.parent, sockets, state)
    else:
        runtime_paths.check(path.parent, sockets, state)
        listening = runtime_paths.listen(path, mode, group)
    return _assembled(
        settings,
        private_key,
        listening=listening,
        sockets=sockets,
        state=state,
        tun=tun,
        pipe=pipe,
        reactor=reactor,
    )


def _pipe(text: str | None) -> int | None:
    """Return the descriptor of ``--until-closed``.

    :raises StartRefused: if it is not an open pipe.
    """
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() else -1
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
    except (OSError, OverflowError):
        is_pipe = False
    if not is_pipe:
        raise StartRefused(
            invalid("--until-closed", text, "the number of an open pipe")
        )
    return number


def _read(folder: Path) -> tuple[TunnelSettings, bytes]:
    """Return the settings and the private key that root wrote.

    :raises StartRefused: if they are missing or invalid, or other users can read them.
    """
    contents = []
    for path in (folder / FILE, folder / KEY):
        try:
            if path.stat().st_mode & 0o077:
                raise StartRefused(
                    f"{path}: other users can read the file; chmod 600 {path}"
                )
            contents.append(path.read_bytes())
        except OSError as error:
            raise StartRefused(
                f"{path}: {error.strerror}; `semaphore vpn init` as root writes it"
            ) from None
    try:
        private_key = keys.decode(contents[1].decode("ascii").strip())
        keys.public_of(private_key)
        return load(contents[0]), private_key
    except (keys.WrongKey, UnicodeDecodeError):
        raise StartRefused(
            f"{folder / KEY}: the file has no WireGuard private key"
        ) from None
    except WrongSettings as error:
        raise StartRefused(f"{folder / FILE}: {error}") from None


def _account(name: str | None) -> pwd.struct_passwd | None:
    """Return the account to run as; ``None`` if this process is not root.

    :raises StartRefused: if the account does not exist, or only root could switch to
        it.
    """
    if os.geteuid() != 0:
        if name is not None and pwd.getpwuid(os.geteuid()).pw_name != name:
            raise StartRefused("--user: only root can switch to another account")
        return None
    try:
        return pwd.getpwnam(name or ACCOUNT)
    except KeyError:
        if name is not None:
            raise StartRefused(f"--user: there is no account {quoted(name)}") from None
        return pwd.getpwuid(0)


def _assembled(
    settings: TunnelSettings,
    private_key: bytes,
    *,
    listening: socket.socket,
    sockets: Path,
    state: Path,
    tun: int,
    pipe: int | None,
    reactor: Any,
) -> MultiService:
    programs = Programs(reactor)
    public_key = keys.public_of(private_key)
    bounds = RequestBounds(settings, public_key)
    forwarding = Forwarding(state, tunnel=settings.interface)
    table_watch = TableWatch(settings.table, reactor=reactor)
    firewall = Firewall(
        settings,
        bounds=bounds,
        forwarding=forwarding,
        programs=programs,
        state=state,
        watch=table_watch,
    )
    isolation = TunnelIsolation(settings, programs=programs)
    ownership = Ownership(
        settings, public_key, programs=programs, state=state, sockets=sockets
    )
    served = UserspaceDevice(
        settings,
        private_key,
        folder=sockets,
        tun=tun,
        programs=programs,
        reactor=reactor,
    )

    async def chosen() -> IWireGuardDevice:
        kernel = KernelDevice(settings, private_key, programs=programs)
        return await choose(
            settings, programs=programs, kernel=kernel, userspace=served
        )

    tunnel = Tunnel(
        settings,
        public_key,
        choose=chosen,
        ownership=ownership,
        firewall=firewall,
        isolation=isolation,
        endpoints=Endpoints(state),
        seconds=reactor.seconds,
    )
    companion = Companion(
        tunnel=tunnel,
        bounds=bounds,
        firewall=firewall,
        forwarding=forwarding,
        diagnosing=Diagnosing(
            settings,
            firewall=firewall,
            forwarding=forwarding,
            programs=programs,
        ),
        expiries=Expiries(state),
        settings=settings,
        public_key=public_key,
    )
    loop = MaintenanceLoop(companion, clock=reactor)
    served.lost = loop.wake

    def alarm() -> None:
        tunnel.shut()
        loop.alarm()

    def changed() -> None:
        if ownership.astray:
            tunnel.shut()  # no rule applies to the new name
        loop.wake()

    table_watch.changed = alarm
    route_watch = LinkWatch(
        changed,
        reactor=reactor,
        opened=lambda: netlink.netlink(GROUPS),
        matters=lambda content: matters(content, settings),
    )
    watches = _Watches([table_watch, route_watch])
    if pipe is not None:
        watches.all.append(Lifeline(pipe, reactor.stop, reactor=reactor))
    endpoint = AdoptedStreamServerEndpoint(reactor, listening.detach(), socket.AF_UNIX)
    factory = CompanionFactory(companion.answer, users=settings.users)
    service = MultiService()
    for each in (loop, StreamServerEndpointService(endpoint, factory), watches):
        each.setServiceParent(service)
    return service


class _Watches(Service):
    """Watches the kernel's events."""

    def __init__(self, watches: list[DescriptorWatch]) -> None:
        self.all = watches

    @override
    def startService(self) -> None:
        super().startService()
        for each in self.all:
            each.start()

    @override
    def stopService(self) -> None:
        super().stopService()
        for each in self.all:
            each.stop()
