"""The companion in memory: a real protocol, and a dictionary as the device."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.state import DesiredPeer, Grant

SERVER_KEY = b"\1" * 32


def key(number: int) -> bytes:
    """Return the public key of peer *number*."""
    return number.to_bytes(32, "big")


def peer(number: int) -> DesiredPeer:
    """Return the desired peer *number*."""
    return DesiredPeer(
        public_key=key(number), addresses=(f"10.80.{number // 250}.{number % 250 + 2}",)
    )


class _Wire(StringTransport):
    """A transport that reports the end of the connection at once."""

    def __init__(self, companion: "MemoryCompanion") -> None:
        super().__init__()
        self._companion = companion
        self.protocol: Any = None
        self._frames: list[bytes] = []
        self._delivering = False
        self._receiver = Int32StringReceiver()
        self._receiver.MAX_LENGTH = wire.MAX_FRAME
        self._receiver.stringReceived = self._took  # type: ignore[method-assign]

    def write(self, data: bytes) -> None:
        self._receiver.dataReceived(data)

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def abortConnection(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        if self.connected:
            self.connected = False
            self._companion.wires.remove(self)
            self.protocol.connectionLost(Failure(connectionDone.value))

    def _took(self, content: bytes) -> None:
        self._companion.took(self, wire.decode_request(content))

    def answer(self, answer: wire.Answer | bytes) -> None:
        """Send *answer*, or bytes as a frame."""
        content = answer if isinstance(answer, bytes) else wire.encode(answer)
        self._frames.append(len(content).to_bytes(4, "big") + content)
        if self._delivering:
            return  # data is never delivered to a protocol recursively
        self._delivering = True
        try:
            while self._frames and self.connected:
                self.protocol.dataReceived(self._frames.pop(0))
        finally:
            self._delivering = False


@implementer(IStreamClientEndpoint)
@define(eq=False)
class MemoryCompanion:
    """A companion that a test can stop, hold back and let fail.

    *requests* are those it has received. *writes* counts changes of its device.
    """

    running: bool = True
    held: bool = False
    version: int = wire.VERSION
    backend: str = "memory"
    reason: str = ""
    index: int = 7
    sites: tuple[str, ...] = ("10.20.0.0/16",)
    peers: dict[bytes, wire.WirePeer] = field(factory=dict)
    grants: tuple[wire.WireGrant, ...] = ()
    writes: int = 0
    drift: tuple[str, ...] = ()
    requests: list[wire.Request] = field(factory=list)
    #: whether it closes each new connection
    rude: bool = False
    #: the reason with which it refuses all requests, if not empty
    refusal: str = ""
    #: failures that it answers instead of the next requests
    failures: list[wire.Failed] = field(factory=list)
    wires: list[_Wire] = field(factory=list)
    attempts: int = 0
    _waiting: list[Callable[[], None]] = field(factory=list)

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Connect, or refuse as a socket without a listener does."""
        self.attempts += 1
        if not self.running:
            return fail(ConnectError(string="refused"))
        made: Any = factory.buildProtocol(_Address())
        made_wire = _Wire(self)
        made_wire.protocol = made
        self.wires.append(made_wire)
        made.makeConnection(made_wire)
        return succeed(made)

    def stop(self) -> None:
        """End, as by SIGKILL."""
        self.running = False
        self._waiting.clear()
        for each in list(self.wires):
            each.loseConnection()

    def took(self, source: _Wire, request: wire.Request) -> None:
        """Answer *request*, or keep it until :meth:`flush`."""
        if self.rude:
            source.loseConnection()
            return
        self.requests.append(request)

        def answer() -> None:
            found = self._answer(request)
            if source.connected:
                source.answer(found)

        if self.held:
            self._waiting.append(answer)
        else:
            answer()

    def flush(self, count: int = 1000) -> None:
        """Answer the first *count* waiting requests."""
        for _ in range(min(count, len(self._waiting))):
            self._waiting.pop(0)()

    def syncs(self) -> list[wire.Sync]:
        """Return the requests that were syncs."""
        return [each for each in self.requests if isinstance(each, wire.Sync)]

    def _answer(self, request: wire.Request) -> wire.Answer:
        if self.refusal:
            return wire.Failed("refused", self.refusal)
        if self.failures and isinstance(request, wire.Sync):
            return self.failures.pop(0)
        answers: dict[type[Any], Callable[[Any], wire.Answer]] = {
            wire.Hello: lambda _: self._welcome(),
            wire.Sync: self._sync,
            wire.Observe: lambda _: wire.Observed(0.0, self.index, self._statuses()),
            wire.Plan: self._plan,
            wire.Diagnose: lambda _: wire.Diagnosis(
                (wire.Finding("backend", "ok", self.backend),)
            ),
            wire.Down: lambda _: wire.Done(),
        }
        return answers[type(request)](request)

    def _plan(self, request: wire.Plan) -> wire.Answer:
        wanted = {each.public_key for each in request.peers}
        return wire.Planned(
            tuple(f"add {each.hex()}" for each in wanted - set(self.peers))
        )

    def _sync(self, request: wire.Sync) -> wire.Answer:
        if not self.backend:
            return wire.Failed("unavailable", self.reason)
        wanted = {each.public_key: each for each in request.peers}
        gone = [each for each in self.peers if each not in wanted]
        if (
            len(self.peers) >= 10
            and len(gone) * 2 > len(self.peers)
            and not request.may_empty
        ):
            return wire.Failed("unsafe", f"{len(gone)} peers would be removed")
        changes = len(gone) + sum(
            self.peers.get(name) != each for name, each in wanted.items()
        )
        self.writes += changes
        self.peers, self.grants = wanted, request.grants
        drift, self.drift = self.drift, ()
        return wire.Synced(
            request.revision, changes, drift, self.index, self._statuses()
        )

    def _statuses(self) -> tuple[wire.Status, ...]:
        return tuple(wire.Status(name, None, 0, 0, 0) for name in self.peers)

    def _welcome(self) -> wire.Welcome:
        return wire.Welcome(
            version=self.version,
            backend=self.backend,
            reason=self.reason,
            interface="semaphore0",
            index=self.index,
            public_key=SERVER_KEY,
            port=51820,
            mtu=1420,
            addresses=("10.80.0.1",),
            pools=("10.80.0.0/16",),
            sites=self.sites,
            tcp_ports=(443,),
            udp_ports=(53,),
        )


@implementer(IAddress)
class _Address:
    """An address without content."""


@define
class DesiredRow:
    """The desired state, with the attributes of ``operations.vpn.peers.desired``."""

    revision: int = 1
    peers: tuple[DesiredPeer, ...] = ()
    grants: tuple[Grant, ...] = ()
    damaged: tuple[str, ...] = ()
    next_expiry: datetime | None = None


@define(eq=False)
class MemoryPeers:
    """The store as the VPN service uses it; a test can let it fail."""

    row: DesiredRow = field(factory=DesiredRow)
    #: keys for whose removal the store has no reason
    reasonless: set[bytes] = field(factory=set)
    failing: set[str] = field(factory=set)
    asked: list[str] = field(factory=list)
    sites: tuple[str, ...] = ()
    held: bool = False
    _waiting: list[Callable[[], None]] = field(factory=list)

    def want(self, *numbers: int, **changes: Any) -> None:
        """Set the desired peers to *numbers*, as the next revision."""
        self.row = DesiredRow(
            revision=self.row.revision + 1,
            peers=tuple(peer(number) for number in numbers),
            **changes,
        )

    def expire_due(self) -> Deferred[int]:
        """Mark nothing."""
        return self._give("expire_due", lambda: 0)

    def desired(self, sites: tuple[str, ...]) -> Deferred[Any]:
        """Return the desired state."""
        self.sites = sites
        return self._give("desired", lambda: self.row)

    def keys_without_removal_reason(self, keys: frozenset[bytes]) -> Deferred[int]:
        """Count the *keys* without a reason for their removal."""
        return self._give(
            "keys_without_removal_reason", lambda: len(keys & self.reasonless)
        )

    def observed(self, statuses: Any) -> Deferred[list[PeerStatus]]:
        """Return a status for each peer."""
        return self._give("observed", lambda: [_status(each) for each in statuses])

    def flush(self) -> None:
        """Answer the calls that were held back."""
        while self._waiting:
            self._waiting.pop(0)()

    def _give(self, name: str, value: Callable[[], Any]) -> Deferred[Any]:
        self.asked.append(name)
        if name in self.failing:
            return fail(RuntimeError(f"{name}: disk I/O error"))
        if not self.held:
            return succeed(value())
        later: Deferred[Any] = Deferred()
        self._waiting.append(lambda: later.callback(value()))
        return later


def _status(status: wire.Status) -> PeerStatus:
    number = int.from_bytes(status.public_key, "big")
    return PeerStatus(
        id=number,
        name=f"peer {number}",
        online="never",
        last_handshake=None,
        age_seconds=None,
        received=status.received,
        sent=status.sent,
        endpoint=status.endpoint,
        user_id=None,
        project_id=None,
    )


#: A moment for tests of times.
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
