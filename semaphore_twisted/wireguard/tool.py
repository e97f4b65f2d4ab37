"""Input and output of the program ``wg``.

Secrets are passed by standard input, never as arguments. Peers are written with ``wg
addconf`` only: it changes no field of the device, changes a peer in place, and applies
either the whole text or nothing.
"""

import re
from collections.abc import Iterable

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import WrongAddress, learned, parse_network
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)

_NUMBER = re.compile(r"[0-9]{1,20}")


def addconf(changes: Iterable[SetPeer]) -> bytes:
    """Return the text for ``wg addconf IF /dev/stdin`` that makes *changes*.

    Each field is written, since ``wg`` leaves a missing one unchanged: no preshared key
    is the zero key, no keepalive is ``off``.
    """
    lines = []
    for change in changes:
        allowed = ", ".join(map(parse_network, change.allowed_ips))
        lines += [
            "[Peer]",
            f"PublicKey = {keys.format(change.public_key)}",
            f"PresharedKey = {keys.format(change.preshared_key or keys.ZERO)}",
            f"PersistentKeepalive = {change.keepalive or 'off'}",
        ]
        if allowed:  # [Peer] alone removes allowed IPs; an empty value is an error
            lines.append(f"AllowedIPs = {allowed}")
        endpoint = learned(change.endpoint or "")
        if endpoint is not None:
            lines.append(f"Endpoint = {endpoint}")
    return "".join(line + "\n" for line in lines).encode("ascii")


def removal_arguments(interface: str, changes: Iterable[RemovePeer]) -> tuple[str, ...]:
    """Return the arguments of ``wg`` that remove peers in one call."""
    arguments = ["set", interface]
    for change in changes:
        arguments += ["peer", keys.format(change.public_key), "remove"]
    return tuple(arguments)


def parse_dump(content: bytes) -> DeviceState:
    """Return the state in the output of ``wg show IF dump``, without the private key.

    :raises DeviceFailed: if the output is invalid; the sentence does not quote it,
        since it contains every secret of the device.
    """
    try:
        lines = content.decode("ascii").split("\n")
        if len(lines) < 2 or lines.pop() != "":
            raise DeviceFailed("The output of `wg show` is truncated")
        private, _, port, _ = lines[0].split("\t")
        key = _key(private)
        return DeviceState(
            public_key=None if key is None else keys.public_of(key),
            port=_number(port),
            peers=tuple(_peer(line) for line in lines[1:]),
        )
    except (ValueError, keys.WrongKey, WrongAddress):
        raise DeviceFailed("The output of `wg show` cannot be parsed") from None


def _peer(line: str) -> DevicePeer:
    """Return the peer in a line of eight fields."""
    public, preshared, endpoint, allowed, handshake, received, sent, keepalive = (
        line.split("\t")
    )
    return DevicePeer(
        public_key=keys.decode(public),
        preshared_key=_key(preshared),
        endpoint=learned(endpoint),
        allowed_ips=frozenset(
            () if allowed == "(none)" else map(parse_network, allowed.split(","))
        ),
        handshake=_number(handshake),
        received=_number(received),
        sent=_number(sent),
        keepalive=0 if keepalive == "off" else _number(keepalive),
    )


def _key(text: str) -> bytes | None:
    key = None if text == "(none)" else keys.decode(text)
    return None if key == keys.ZERO else key


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("number")
    return int(text)
