"""Adapts a profile's DNS settings to this machine.

``wg-quick`` fails on a ``DNS`` line without ``resolvconf``. With systemd-resolved, a
``DNS`` line routes every query into the tunnel, but a route-only domain routes only
those for the VPN's own names.
"""

import ipaddress
import re
import shutil
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from semaphore_twisted.common.command_error import CommandError

#: wg-quick runs hooks as root, so a name in one has only letters, digits, - and dots.
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    r"(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)


class TunnelResolver(Enum):
    """The resolver configuration of this machine."""

    RESOLVED = "systemd-resolved"
    RESOLVCONF = "resolvconf"
    SYSTEM = "the system"
    NOTHING = "nothing"


def detect(
    *,
    platform: str = sys.platform,
    which: Callable[[str], str | None] = shutil.which,
    runtime: Path = Path("/run/systemd/resolve"),
) -> TunnelResolver:
    """Detect the resolver configuration of this machine."""
    if platform == "darwin":  # its wg-quick uses networksetup
        return TunnelResolver.SYSTEM
    if which("resolvectl") and runtime.is_dir():
        return TunnelResolver.RESOLVED
    return TunnelResolver.RESOLVCONF if which("resolvconf") else TunnelResolver.NOTHING


def adapted(text: str, domain: str, resolving: TunnelResolver) -> str:
    """Return the profile *text* for this machine.

    :raises CommandError: if *domain* is invalid
    """
    if resolving in {TunnelResolver.RESOLVCONF, TunnelResolver.SYSTEM}:
        return text
    lines = []
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key.strip() != "DNS":
            lines.append(line)
        elif resolving is TunnelResolver.RESOLVED:
            lines += _route_only(value, domain)
    return "\n".join(lines)


def servers(text: str) -> list[str]:
    """Return the addresses in the ``DNS`` line of *text*."""
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key.strip() == "DNS":
            return _addresses(value)
    return []


def _addresses(value: str) -> list[str]:
    result = []
    for each in value.split(","):
        try:
            result.append(str(ipaddress.ip_address(each.strip())))
        except ValueError:
            continue  # a search domain
    return [each for each in result if "%" not in each]


def _route_only(value: str, domain: str) -> list[str]:
    if not _DOMAIN.fullmatch(domain):
        raise CommandError("the server's answer has an invalid domain")
    addresses = _addresses(value)
    if not addresses:
        return []
    return [
        f"PostUp = resolvectl dns %i {' '.join(addresses)}",
        f"PostUp = resolvectl domain %i ~{domain}",
    ]
