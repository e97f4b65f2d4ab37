"""Services that start and stop one after another.

Twisted's ``MultiService`` stops all its children at the same time, so a database could
close before the last task has written its log.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override


class SequentialService(Service):
    """Starts its children in order, each after the previous one has started.

    It stops them in reverse order, each after the previous one has stopped. A child's
    ``startService`` may return a Deferred, as ``stopService`` may.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        children: Iterable[IService] = (),
        *,
        failed: Callable[[Failure], object] | None = None,
    ) -> None:
        """Own *children*; *failed* is called if one of them cannot start.

        The children that had started have been stopped by then.
        """
        self._children: list[IService] = list(children)
        self._failed = failed
        self._started: list[IService] = []
        self._starting: Deferred[None] = succeed(None)

    def add(self, child: IService) -> None:
        """Append *child*; allowed only before the start."""
        if self.running:
            raise RuntimeError("a service cannot be added to one that runs")
        self._children.append(child)

    @override
    def privilegedStartService(self) -> None:
        """Call every child while the process still has root privileges."""
        super().privilegedStartService()
        for child in self._children:
            child.privilegedStartService()

    @override
    def startService(self) -> Deferred[None]:
        """Start the children; fires once all have started, or the start was undone."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start())
        _ = self._starting.addErrback(self._report)
        waiting: Deferred[None] = Deferred()
        _ = self._starting.addCallback(waiting.callback)
        return waiting

    @override
    def stopService(self) -> Deferred[None]:
        """Stop the children in reverse order.

        Failures are logged and do not end the stop.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        for child in self._children:
            if not self.running:  # stopped during the start
                return
            try:
                await maybeDeferred(child.startService)
            except BaseException:
                await self._stop_started()
                raise
            self._started.append(child)

    async def _stop(self) -> None:
        await self._starting
        await self._stop_started()

    async def _stop_started(self) -> None:
        while self._started:
            child = self._started.pop()
            try:
                await maybeDeferred(child.stopService)
            except Exception:  # noqa: BLE001 - the rest must be stopped too
                self._log.failure(
                    "The service {name} could not be stopped",
                    name=child.name or type(child).__name__,
                )

    def _report(self, failure: Failure) -> None:
        self._log.failure("A service could not start", failure)
        if self._failed is not None:
            self._failed(failure)
