"""Options of the VPN, and their checks."""

import re
from collections.abc import Callable

import msgspec

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

    only: bool = False
    port: int = 443
    enroll_port: int = 0
    dns: str = "forward"
    domain: str = "semaphore.internal"
    publish: tuple[str, ...] = ()
    socket: str = "/run/semaphore-vpn/vpn.sock"
    reconcile_sec: int = 30
    devices_per_user: int = 5
    address_quarantine_days: int = 30

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
        found = _PUBLISHED.fullmatch(each)
        if found is None or not 1 <= int(found[1]) < 1 << 16:
            raise wrong("vpn.publish", each, "a port such as tcp/22")
    if not 1 <= vpn.reconcile_sec <= 3600:
        raise wrong("vpn.reconcile_sec", vpn.reconcile_sec, "1 to 3600 seconds")
