"""Encode and decode the text protocol (UAPI) of userspace implementations.

See https://www.wireguard.com/xplatform/. Keys are hex; a blank line ends a message; an
answer ends with ``errno=N``. A missing field means "unchanged". So all fields of a peer
are written, but of the device only those that differ: writing the same port again makes
wireguard-go rebind its socket and lose packets.
"""

import re
from collections.abc import Sequence

import msgspec
from typing_extensions import override

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import WrongAddress, learned, parse_network
from semaphore_twisted.wireguard.state import (
    Change,
    DeviceFailed,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)

#: The request for the whole state.
GET = b"get=1\n\n"

_NUMBER = re.compile(r"-?[0-9]{1,20}")
_KEY = re.compile(r"[0-9a-f]{64}")


class DeviceFields(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of the device to write; ``None`` leaves a field unchanged."""

    private_key: bytes | None = None
    port: int | None = None

    @override
    def __repr__(self) -> str:
        """Hide the private key."""
        return f"DeviceFields(port={self.port})"


def encode_set(changes: Sequence[Change], device: DeviceFields | None = None) -> bytes:
    """Return the request that makes *changes*, in their order.

    *device* has the fields of the device that differ.
    """
    lines = ["set=1"]
    if device is not None and device.private_key is not None:
        lines.append(f"private_key={device.private_key.hex()}")
    if device is not None and device.port is not None:
        lines.append(f"listen_port={device.port:d}")
    for change in changes:
        lines.append(f"public_key={change.public_key.hex()}")
        if isinstance(change, RemovePeer):
            lines.append("remove=true")
        else:
            lines += _fields(change)
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _fields(change: SetPeer) -> list[str]:
    lines = [
        f"preshared_key={(change.preshared_key or keys.ZERO).hex()}",
        f"persistent_keepalive_interval={change.keepalive:d}",
        "replace_allowed_ips=true",
    ]
    endpoint = learned(change.endpoint or "")
    if endpoint is not None:
        lines.append(f"endpoint={endpoint}")
    lines += [f"allowed_ip={parse_network(each)}" for each in change.allowed_ips]
    return lines


def check_answer(answer: bytes) -> None:
    """Check that an answer to a ``set`` reports success.

    A ``set`` is not atomic: read the device again after a failure.

    :raises DeviceFailed: with the error number; the sentence does not quote the
        request.
    """
    _fields_of(answer)


def _fields_of(answer: bytes) -> list[tuple[str, str]]:
    """Return the fields of an answer that is complete and reports success.

    :raises DeviceFailed: if it is not.
    """
    try:
        text = answer.decode("ascii")
    except UnicodeDecodeError:
        raise DeviceFailed("The device's answer is not ASCII") from None
    lines = text.rstrip("\n").split("\n")
    name, _, number = lines[-1].partition("=")
    if name != "errno" or not _NUMBER.fullmatch(number) or not text.endswith("\n"):
        raise DeviceFailed("The device's answer is truncated")
    if int(number) != 0:
        raise DeviceFailed(f"The device refused the request (errno {int(number)})")
    fields = []
    for line in lines[:-1]:
        key, equals, value = line.partition("=")
        if not equals:
            raise DeviceFailed("The device's answer has an invalid line")
        fields.append((key, value))
    return fields


class _PeerReader:
    """A peer whose fields are read."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key
        self.allowed: set[str] = set()
        self.preshared: bytes | None = None
        self.endpoint: str | None = None
        self.numbers: dict[str, int] = {}

    def take(self, key: str, value: str) -> None:
        """Set one field; unknown fields of newer devices are ignored."""
        if key == "preshared_key":
            preshared = _key(value)
            self.preshared = None if preshared == keys.ZERO else preshared
        elif key == "endpoint":
            self.endpoint = learned(value)
        elif key == "allowed_ip":
            try:
                self.allowed.add(parse_network(value))
            except WrongAddress:
                raise DeviceFailed(
                    "The device's answer has an invalid allowed IP"
                ) from None
        elif key in _NUMBERS:
            self.numbers[_NUMBERS[key]] = _number(value)

    def state(self) -> DevicePeer:
        """Return the peer's state."""
        return DevicePeer(
            public_key=self.public_key,
            allowed_ips=frozenset(self.allowed),
            preshared_key=self.preshared,
            endpoint=self.endpoint,
            **self.numbers,
        )


_NUMBERS = {
    "persistent_keepalive_interval": "keepalive",
    "last_handshake_time_sec": "handshake",
    "rx_bytes": "received",
    "tx_bytes": "sent",
}


def _number(value: str) -> int:
    if not _NUMBER.fullmatch(value) or value.startswith("-"):
        raise DeviceFailed("The device's answer has an invalid number")
    return int(value)


def _key(value: str) -> bytes:
    if not _KEY.fullmatch(value):
        raise DeviceFailed("The device's answer has an invalid key")
    return bytes.fromhex(value)


def decode_get(answer: bytes) -> DeviceState:
    """Return the state in *answer*, without the device's private key.

    :raises DeviceFailed: if the answer is incomplete, an error, or malformed.
    """
    public, port = None, 0
    peers: list[_PeerReader] = []
    for key, value in _fields_of(answer):
        if key == "public_key":
            peers.append(_PeerReader(_key(value)))
        elif peers:
            peers[-1].take(key, value)
        elif key == "private_key":
            private = _key(value)
            public = None if private == keys.ZERO else keys.public_of(private)
        elif key == "listen_port":
            port = _number(value)
    return DeviceState(
        public_key=public, port=port, peers=tuple(each.state() for each in peers)
    )
