"""Reads the peers' status from the companion, stores it and notifies observers."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.interfaces import IPeerObserver
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.vpn.client import VpnClient
from semaphore_twisted.vpn.state import PeerStore
from semaphore_twisted.wireguard import wire


class PeerPolling:
    """Reads the peers from the companion, stores their status, notifies observers."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        client: VpnClient,
        store: PeerStore,
        *,
        received: Callable[[wire.Observed], None],
    ) -> None:
        """Call *received* with each answer of the companion."""
        self._client = client
        self._store = store
        self._received = received
        self._observers: list[IPeerObserver] = []
        self._waiting: list[Deferred[Sequence[PeerStatus]]] = []
        self._store_failures = LogOnChange()

    def add(self, observer: IPeerObserver) -> None:
        """Notify *observer* from now on."""
        self._observers.append(observer)

    def poll(self) -> "Deferred[Sequence[PeerStatus]]":
        """Fire with every peer as the device has it now; calls may share a reading.

        Fails with ``CompanionError``, or with the store's exception.
        """
        waiting: Deferred[Sequence[PeerStatus]] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            polling = Deferred.fromCoroutine(self._poll())
            log_errors(polling, log=self._log, sentence="Reading the peers failed")
        return waiting

    async def store(self, seen: Sequence[wire.Status]) -> None:
        """Store the statuses of a sync and notify observers; log a store's failure."""
        try:
            statuses = await self._store.observed(seen)
        except Exception as error:  # noqa: BLE001 - the sync itself has succeeded
            self._log_store_failure(error)
        else:
            self._store_failures.clear()
            self._notify(statuses)

    async def _poll(self) -> None:
        try:
            observed = await self._client.observe()
            self._received(observed)
            statuses = await self._store.observed(observed.peers)
        except Exception as error:  # noqa: BLE001 - the callers receive it
            for waiting in self._released():
                waiting.errback(error)
            return
        for waiting in self._released():
            waiting.callback(statuses)
        self._notify(statuses)

    def _released(self) -> "list[Deferred[Sequence[PeerStatus]]]":
        waiting, self._waiting = self._waiting, []
        return waiting

    def _notify(self, statuses: Sequence[PeerStatus]) -> None:
        for observer in self._observers:
            try:
                observer.peers_observed(statuses)
            except Exception:  # noqa: BLE001 - an observer must not stop the VPN
                self._log.failure(
                    "{observer} failed at the status of the peers",
                    observer=type(observer).__name__,
                )

    def _log_store_failure(self, error: Exception) -> None:
        self._store_failures.log(
            str(error),
            self._log.failure,
            "The status of the peers could not be stored",
        )
