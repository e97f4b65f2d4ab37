"""Looks at the peers, and whoever is told what was seen."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from semaphore_twisted.deferreds import forget
from semaphore_twisted.interfaces import IPeerObserver
from semaphore_twisted.log_on_change import LogOnChange
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.vpn.client import VpnClient
from semaphore_twisted.vpn.state import PeerStore
from semaphore_twisted.wireguard import wire


class Looks:
    """Asks the companion, keeps what was seen, then tells the observers."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        client: VpnClient,
        store: PeerStore,
        *,
        looked: Callable[[wire.Observed], None],
    ) -> None:
        """Call *looked* with each answer of the companion."""
        self._client = client
        self._store = store
        self._looked = looked
        self._observers: list[IPeerObserver] = []
        self._waiting: list[Deferred[Sequence[PeerStatus]]] = []
        self._unkept = LogOnChange()

    def add(self, observer: IPeerObserver) -> None:
        """Tell *observer* too from now on."""
        self._observers.append(observer)

    def look(self) -> "Deferred[Sequence[PeerStatus]]":
        """Fire with every peer as the device has it now; several share a look.

        Fails with ``CompanionError``, or as the store does.
        """
        waiting: Deferred[Sequence[PeerStatus]] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            looking = Deferred.fromCoroutine(self._look())
            forget(looking, log=self._log, sentence="A look at the peers failed")
        return waiting

    async def keep(self, seen: Sequence[wire.Status]) -> None:
        """Keep and tell what a sync has seen; a fault of the store is only logged."""
        try:
            statuses = await self._store.observed(seen)
        except Exception as error:  # noqa: BLE001 - the device is right, which counts
            self._not_kept(error)
        else:
            self._unkept.clear()
            self._tell(statuses)

    async def _look(self) -> None:
        try:
            observed = await self._client.observe()
            self._looked(observed)
            statuses = await self._store.observed(observed.peers)
        except Exception as error:  # noqa: BLE001 - it is for those who asked
            for waiting in self._released():
                waiting.errback(error)
            return
        for waiting in self._released():
            waiting.callback(statuses)
        self._tell(statuses)

    def _released(self) -> "list[Deferred[Sequence[PeerStatus]]]":
        waiting, self._waiting = self._waiting, []
        return waiting

    def _tell(self, statuses: Sequence[PeerStatus]) -> None:
        for observer in self._observers:
            try:
                observer.peers_observed(statuses)
            except Exception:  # noqa: BLE001 - whatever it is, the VPN goes on
                self._log.failure("An observer of peers failed")

    def _not_kept(self, error: Exception) -> None:
        self._unkept.log(
            str(error),
            self._log.failure,
            "What was seen of the peers could not be kept",
        )
