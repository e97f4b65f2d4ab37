"""Render a client's configuration, for the file and the QR code alike.

The strictest parsers decide its content. The applications for iOS refuse unknown keys
and treat every Unicode newline as a line break; the one for Android refuses empty
values. So the file has few keys, each with a value, and no text of a user. Every value
is parsed again here, even if the caller has parsed it.
"""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.wireguard import keys, serverfile
from semaphore_twisted.wireguard.addresses import (
    parse_address,
    parse_network,
    prefix_of,
)
from semaphore_twisted.wireguard.endpoints import parse_endpoint

if TYPE_CHECKING:
    import segno

#: Parses the server file of another product.
parse = serverfile.parse

#: Placeholder for the device's private key; it is not a valid key.
PLACE = "PRIVATE-KEY-OF-THIS-DEVICE"

#: Both families, even if the server has no IPv6: IPv6 must not bypass the tunnel.
FULL = ("0.0.0.0/0", "::/0")

#: The MTU that every client assumes.
DEFAULT_MTU = 1420

_NOT_IN_FILE_NAMES = re.compile(r"[^a-zA-Z0-9_=+.-]+")


class WrongProfile(Invalid):
    """A profile cannot be rendered; the sentence names the field."""

    sentence = "The profile cannot be written"


class TooLong(Invalid):
    """A text does not fit into a QR code."""

    sentence = "The file is too long for a QR code; use the file itself"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a client's configuration; *public_key* is the server's.

    *addresses* and *dns* are addresses, *allowed_ips* are networks. *keepalive* is in
    seconds, ``None`` to omit the key.
    """

    addresses: tuple[str, ...]
    public_key: bytes
    allowed_ips: tuple[str, ...]
    endpoint: str
    preshared_key: bytes | None = None
    dns: tuple[str, ...] = ()
    mtu: int = DEFAULT_MTU
    keepalive: int | None = 25

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"Profile({self.addresses}, {self.endpoint})"


def routes(
    servers: Iterable[str], networks: Iterable[str] = (), *, full: bool = False
) -> tuple[str, ...]:
    """Return a client's allowed IPs: the server's addresses and the granted networks.

    *full* routes all traffic of both families through the tunnel.
    """
    if full:
        return FULL
    alone = (prefix_of(parse_address(each)) for each in servers)
    return tuple(dict.fromkeys([*alone, *sorted(map(parse_network, networks))]))


def render(profile: Profile) -> str:
    """Return the file, with :data:`PLACE` for the private key.

    :raises WrongProfile: if a value is missing or out of range.
    :raises semaphore_twisted.model.errors.Invalid: if a value cannot be parsed.
    """
    if not profile.addresses or not profile.allowed_ips:
        raise WrongProfile("A client needs an address and something to reach")
    if not 1280 <= profile.mtu <= 9000:
        raise WrongProfile(invalid("mtu", profile.mtu, "1280 to 9000"))
    if profile.keepalive is not None and not 0 <= profile.keepalive <= 65535:
        raise WrongProfile(invalid("keepalive", profile.keepalive, "0 to 65535"))
    lines = [
        "[Interface]",
        f"PrivateKey = {PLACE}",
        _line("Address", (prefix_of(parse_address(a)) for a in profile.addresses)),
    ]
    if profile.dns:
        lines.append(_line("DNS", map(parse_address, profile.dns)))
    if profile.mtu != DEFAULT_MTU:
        lines.append(f"MTU = {profile.mtu:d}")
    lines += [
        "",
        "[Peer]",
        f"PublicKey = {keys.format(keys.check(profile.public_key))}",
    ]
    if profile.preshared_key is not None:
        if len(profile.preshared_key) != 32:
            raise WrongProfile("preshared_key: invalid length; expected 32 bytes")
        lines.append(f"PresharedKey = {keys.format(profile.preshared_key)}")
    lines += [
        _line("AllowedIPs", map(parse_network, profile.allowed_ips)),
        f"Endpoint = {parse_endpoint(profile.endpoint)}",
    ]
    if profile.keepalive is not None:
        lines.append(f"PersistentKeepalive = {profile.keepalive:d}")
    return "\n".join(lines) + "\n"


def _line(key: str, values: Iterable[str]) -> str:
    return f"{key} = {', '.join(values)}"


def complete(text: str, private_key: bytes) -> str:
    """Return the file *text* with *private_key* instead of the placeholder.

    :raises WrongProfile: if *text* does not contain exactly one placeholder.
    """
    line = f"PrivateKey = {PLACE}\n"
    if text.count(PLACE) != 1 or line not in text:
        raise WrongProfile("The file has no place for the private key")
    keys.public_of(private_key)
    return text.replace(line, f"PrivateKey = {keys.format(private_key)}\n")


def qr(text: str) -> "segno.QRCode":
    """Return a QR code of exactly the bytes of *text*.

    The error correction is the highest that does not need a larger code.

    :raises TooLong: if the text does not fit into the largest code.
    """
    import segno  # noqa: PLC0415 - most servers draw none, and save its memory
    from segno.encoder import DataOverflowError  # noqa: PLC0415

    try:
        return segno.make_qr(text.encode("utf-8"), error="l", mode="byte")
    except DataOverflowError:
        raise TooLong from None


def qr_terminal(text: str) -> str:
    """Return the QR code of *text* for a terminal, two rows of modules per line.

    :raises TooLong: if the text does not fit.
    """
    out = io.StringIO()
    qr(text).terminal(out, compact=True)
    return out.getvalue()
