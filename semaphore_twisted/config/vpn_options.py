"""Options of the VPN, and their checks."""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})+")
_PUBLISHED = re.compile(r"(?:tcp|udp)/([0-9]{1,5})", re.ASCII)


class VpnOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The VPN; it exists after ``semaphore vpn init`` was run.

    With *only*, the site is served only inside the tunnel, at *port*. *enroll_port* is
    the port of the enrollment listener for new devices, 0 for none. *publish* lists
    further ports of the server that peers may reach (``tcp/22``).
    """

    only: Annotated[
        bool, option("VPN_ONLY", help="serve the site inside the tunnel only", own=True)
    ] = False
    port: Annotated[
        int,
        option(
            "VPN_PORT",
            help="the site's port inside the tunnel, with `vpn.only`",
            own=True,
        ),
    ] = 443
    enroll_port: Annotated[
        int,
        option(
            "VPN_ENROLL_PORT",
            help="port of a small listener on every address where devices "
            "enroll; 0: none",
            own=True,
        ),
    ] = 0
    dns: Annotated[
        str,
        option(
            "VPN_DNS",
            help="`forward`, or `off`: no resolver inside the tunnel, no `DNS` "
            "line in client files",
            own=True,
        ),
    ] = "forward"
    domain: Annotated[
        str, option("VPN_DOMAIN", help="the site's name inside the tunnel", own=True)
    ] = "semaphore.internal"
    publish: Annotated[
        tuple[str, ...],
        option(
            "VPN_PUBLISH",
            help="ports of the server that `vpn init` opens to peers, such as "
            '`["tcp/22"]`',
            own=True,
        ),
    ] = ()
    socket: Annotated[
        str, option("VPN_SOCKET", help="the companion's socket", own=True)
    ] = "/run/semaphore-vpn/vpn.sock"
    reconcile_sec: Annotated[
        int,
        option(
            "VPN_RECONCILE_SEC",
            help="seconds between two comparisons of the device with the database",
            own=True,
        ),
    ] = 30
    devices_per_user: Annotated[
        int,
        option(
            "VPN_DEVICES_PER_USER",
            help="devices that a user may enroll without an administrator",
            own=True,
        ),
    ] = 5
    address_quarantine_days: Annotated[
        int,
        option(
            "VPN_ADDRESS_QUARANTINE_DAYS",
            help="days before the address of a revoked peer is given to another",
            own=True,
        ),
    ] = 30

    @property
    def published(self) -> tuple[tuple[str, int], ...]:
        """*publish* as pairs of protocol and port."""
        pairs = (each.partition("/") for each in self.publish)
        return tuple((protocol, int(port)) for protocol, _, port in pairs)


def check(vpn: VpnOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse values that are out of range."""
    if not 1 <= vpn.port < 1 << 16:
        raise wrong("vpn.port", vpn.port, "1 to 65535")
    if vpn.enroll_port >= 1 << 16:
        raise wrong("vpn.enroll_port", vpn.enroll_port, "0 to 65535")
    if vpn.dns not in {"forward", "off"}:
        raise wrong("vpn.dns", vpn.dns, "forward or off")
    if not _DOMAIN.fullmatch(vpn.domain):
        raise wrong("vpn.domain", vpn.domain, "a name such as semaphore.internal")
    for each in vpn.publish:
        match = _PUBLISHED.fullmatch(each)
        if match is None or not 1 <= int(match[1]) < 1 << 16:
            raise wrong("vpn.publish", each, "a port such as tcp/22")
    if not 1 <= vpn.reconcile_sec <= 3600:
        raise wrong("vpn.reconcile_sec", vpn.reconcile_sec, "1 to 3600 seconds")
