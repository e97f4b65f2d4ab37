"""The companion's protocol: tagged Structs as JSON in length-prefixed frames.

A frame is a length (4 bytes, big-endian, as ``Int32StringReceiver`` has it) and one
message. The client sends requests; the companion answers each one once, in order.
``Failed`` answers any request; then nothing has changed, unless its *reason* says so.

=============  ==============  ==================================================
request        answer          effect
=============  ==============  ==================================================
``Hello``      ``Welcome``     nothing; returns the limits in the companion's own file
``Sync``       ``Synced``      device and rules are brought to the desired state
``Plan``       ``Planned``     nothing; returns the changes that ``Sync`` would make
``Observe``    ``Observed``    nothing; returns the peers as the device has them
``Diagnose``   ``Diagnosis``   nothing; returns findings for an administrator
``Down``       ``Done``        the device and all our rules are removed
=============  ==============  ==================================================

Both sides announce their version and use the lower one. Version 2 added ``expires`` to
peers; it is not sent to a companion of version 1.

No message contains a name, a path, a command or a rule: keys are 32 bytes, addresses
must be in the pools, and networks must be site networks of the file that root wrote. A
request that violates this is refused as a whole.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from typing_extensions import override

from semaphore_twisted.model import companion_limits as limits

#: The protocol version of this release, and the oldest one that it understands.
VERSION, OLDEST = 2, 1

#: The largest frame; a request with 20,000 peers fits.
MAX_FRAME = limits.COMPANION_FRAME

Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Text = Annotated[str, Meta(max_length=64)]


class _Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """A message; its JSON has the class's name as ``type``."""


class WirePeer(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A desired peer; it is removed at *expires* (seconds since the epoch), if set."""

    public_key: Key
    addresses: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=2)]
    preshared_key: Key | None = None
    expires: Annotated[int, Meta(ge=0, le=2**53)] | None = None

    @override
    def __repr__(self) -> str:
        """Hide the preshared key."""
        return f"WirePeer({self.public_key.hex()}, {self.addresses})"


class WireGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The peer at *address* may reach the site network *network*."""

    address: Text
    network: Text


class Hello(_Message, frozen=True):
    """Start the conversation and announce the client's protocol version."""

    version: int = VERSION


class Sync(_Message, frozen=True):
    """Bring the device to *peers* and the rules to *grants*.

    *revision* identifies the desired state and is returned unchanged. *may_empty*
    allows the removal of more than half of ten or more peers at once.
    """

    revision: int
    peers: tuple[WirePeer, ...]
    grants: tuple[WireGrant, ...] = ()
    may_empty: bool = False


class Plan(_Message, frozen=True):
    """Request the changes that ``Sync`` would make."""

    peers: tuple[WirePeer, ...]
    grants: tuple[WireGrant, ...] = ()


class Observe(_Message, frozen=True):
    """Request the state of the peers."""


class Diagnose(_Message, frozen=True):
    """Request findings."""


class Down(_Message, frozen=True):
    """Remove the device and our rules."""


class Welcome(_Message, frozen=True):
    """The companion's version, its device, and the limits that root set.

    *backend* is ``kernel``, ``userspace`` or ``memory``; it is empty without one, and
    *reason* then states the cause. *index* is the interface's number, 0 without an
    interface.
    """

    version: int
    backend: str
    reason: str
    interface: str
    index: int
    public_key: Key
    port: int
    mtu: int
    addresses: tuple[str, ...]  # the server's own in the tunnel
    pools: tuple[str, ...]
    sites: tuple[str, ...]  # networks that may be granted
    tcp_ports: tuple[int, ...]  # of the server, that peers may reach
    udp_ports: tuple[int, ...]


class Status(msgspec.Struct, frozen=True):
    """A peer as the device has it; *received* and *sent* are from the server's side."""

    public_key: Key
    endpoint: str | None
    handshake: int
    received: int
    sent: int


class Synced(_Message, frozen=True):
    """The device was read back and is in the desired state.

    *changes* counts the writes to the device; *drift* has a sentence for each repaired
    change that the companion had not made, such as a peer removed by hand.
    """

    revision: int
    changes: int
    drift: tuple[str, ...]
    index: int
    peers: tuple[Status, ...]


class Planned(_Message, frozen=True):
    """The changes that would be made, one sentence each; keys are public ones."""

    changes: tuple[str, ...]


class Observed(_Message, frozen=True):
    """The peers, and the time of the reading (seconds since the epoch)."""

    time: float
    index: int
    peers: tuple[Status, ...]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check; *level* is ``ok``, ``warning`` or ``error``."""

    subject: str
    level: str
    sentence: str


class Diagnosis(_Message, frozen=True):
    """The companion's findings, for ``vpn doctor``."""

    findings: tuple[Finding, ...]


class Done(_Message, frozen=True):
    """The request was carried out."""


class Failed(_Message, frozen=True):
    """The request failed; *code* is for programs, *reason* is for people."""

    code: str  # malformed, refused, unsafe, device, unavailable
    reason: str


Request = Hello | Sync | Plan | Observe | Diagnose | Down
Answer = Welcome | Synced | Planned | Observed | Diagnosis | Done | Failed


class MalformedFrame(Exception):
    """A frame does not contain a message of the protocol."""


_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def encode(message: Request | Answer) -> bytes:
    """Return the content of the frame for *message*."""
    return _encoder.encode(message)


def decode_request(content: bytes) -> Request:
    """Return the request in *content*.

    :raises MalformedFrame: if it is invalid; the error does not quote it.
    """
    try:
        return _requests.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedFrame("not a request of this protocol") from error
