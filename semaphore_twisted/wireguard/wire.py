"""The companion's protocol: tagged Structs as JSON in length-prefixed frames.

A frame is a length (4 bytes, big-endian, as ``Int32StringReceiver`` has it) and one
message. The client asks, the companion answers each request once, in their order.
``Failed`` answers any request; nothing has changed then, unless its *reason* says so.

=============  ==============  ==================================================
request        answer          what happens
=============  ==============  ==================================================
``Hello``      ``Welcome``     nothing; says what the companion's own file allows
``Sync``       ``Synced``      device and rules are brought to the desired state
``Plan``       ``Planned``     nothing; says what ``Sync`` would change
``Observe``    ``Observed``    nothing; the peers as the device has them
``Diagnose``   ``Diagnosis``   nothing; findings for an administrator
``Down``       ``Done``        the device and every rule of ours are taken away
=============  ==============  ==================================================

Both sides say which version they speak, and use the lower of the two. Version 2 added
``expires`` to peers; to a companion of version 1 it is not sent.

No message holds a name, a path, a command or a rule: keys are 32 bytes, addresses
must lie in the pools and networks be among the site networks of the file that root
wrote. Whatever does not is refused, and nothing of that request is done.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from typing_extensions import override

from semaphore_twisted.model import limits

#: What this release speaks, and the oldest that it understands.
VERSION, OLDEST = 2, 1

#: The version in which peers have ``expires``.
WITH_EXPIRY = 2

#: A request of 20,000 peers fits.
MAX_FRAME = limits.COMPANION_FRAME

Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Text = Annotated[str, Meta(max_length=64)]


class _Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """A message; its JSON has the class's name as ``type``."""


class WirePeer(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A desired peer; it is one until *expires* (seconds since the epoch), if given."""

    public_key: Key
    addresses: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=2)]
    preshared_key: Key | None = None
    expires: Annotated[int, Meta(ge=0, le=2**53)] | None = None

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"WirePeer({self.public_key.hex()}, {self.addresses})"


class WireGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The peer at *address* may reach the site network *network*."""

    address: Text
    network: Text


class Hello(_Message, frozen=True):
    """Ask who is there, and say which version is spoken."""

    version: int = VERSION


class Sync(_Message, frozen=True):
    """Bring the device to *peers* and the rules to *grants*.

    *revision* is the desired state's, returned as it is. *may_empty* must be said to
    remove more than half of ten or more peers at once.
    """

    revision: int
    peers: tuple[WirePeer, ...]
    grants: tuple[WireGrant, ...] = ()
    may_empty: bool = False


class Plan(_Message, frozen=True):
    """Ask what ``Sync`` would change."""

    peers: tuple[WirePeer, ...]
    grants: tuple[WireGrant, ...] = ()


class Observe(_Message, frozen=True):
    """Ask how the peers are."""


class Diagnose(_Message, frozen=True):
    """Ask for findings."""


class Down(_Message, frozen=True):
    """Take the device and our rules away."""


class Welcome(_Message, frozen=True):
    """Who is there, and what root allows.

    *backend* is ``kernel``, ``userspace`` or ``memory``, empty where there is none;
    *reason* says why then. *index* is the interface's number, 0 while there is none.
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
    """A peer as the device has it; *received* and *sent* as the server sees them."""

    public_key: Key
    endpoint: str | None
    handshake: int
    received: int
    sent: int


class Synced(_Message, frozen=True):
    """The device was read back and is as desired.

    *changes* counts the writes to the device; *drift* has a sentence for each change
    that nobody here had made, such as a peer that was removed by hand.
    """

    revision: int
    changes: int
    drift: tuple[str, ...]
    index: int
    peers: tuple[Status, ...]


class Planned(_Message, frozen=True):
    """What would change, a sentence each; keys are public ones."""

    changes: tuple[str, ...]


class Observed(_Message, frozen=True):
    """The peers, and when they were read (seconds since the epoch)."""

    time: float
    index: int
    peers: tuple[Status, ...]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; *level* is ``ok``, ``warning`` or ``error``."""

    subject: str
    level: str
    sentence: str


class Diagnosis(_Message, frozen=True):
    """What ``vpn doctor`` shows of the companion's side."""

    findings: tuple[Finding, ...]


class Done(_Message, frozen=True):
    """It was done."""


class Failed(_Message, frozen=True):
    """It was not done; *code* is for programs, *reason* for people, without a key."""

    code: str  # malformed, refused, unsafe, device, unavailable
    reason: str


Request = Hello | Sync | Plan | Observe | Diagnose | Down
Answer = Welcome | Synced | Planned | Observed | Diagnosis | Done | Failed


class Malformed(Exception):
    """A frame is no message of the protocol."""


_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """Return the frame's content."""
    return _encoder.encode(message)


def decode_request(content: bytes) -> Request:
    """Return the request in *content*.

    :raises Malformed: without quoting what was sent.
    """
    try:
        return _requests.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("not a request of this protocol") from error


def decode_answer(content: bytes) -> Answer:
    """Return the answer in *content*.

    :raises Malformed: without quoting what was sent.
    """
    try:
        return _answers.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("not an answer of this protocol") from error
