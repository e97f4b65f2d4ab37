"""The database service: a writer thread, short reads in the reactor, a reader thread.

A single writer with ``BEGIN IMMEDIATE`` serialises all transactions; a pool with
SQLAlchemy's default transactions lost 766 of 1,000 updates. Short reads run in the
reactor's thread on a connection of their own: reading a WAL snapshot takes 0.2 ms
there, and up to 69 ms in a pool (``docs/architecture.md``).
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.interfaces import IDatabase, Operation, WriteFunction
from semaphore_twisted.model.errors import NoRoom
from semaphore_twisted.model.limits import FREE_PAGES
from semaphore_twisted.persistence.ballast import Ballast
from semaphore_twisted.persistence.engine import Connection, connect
from semaphore_twisted.persistence.maintenance import give_back
from semaphore_twisted.persistence.worker import Stopped, Worker

P = ParamSpec("P")
T = TypeVar("T")


def _transact(
    conn: Connection,
    operation: Callable[[Connection], T],
    *,
    write: bool,
    durable: bool = False,
) -> T:
    with conn.transaction(write=write, durable=durable):
        return operation(conn)


#: Minimum seconds between two attempts to restore the ballast.
_BALLAST_PAUSE = 5.0

#: Minimum seconds between two checks for free pages of the file.
_TIDY_PAUSE = 10.0


@implementer(IDatabase)
class Database(Service):
    """The embedded database; connections and threads exist while the service runs."""

    name = "database"

    def __init__(
        self,
        path: Path | str,
        *,
        reactor: IReactorFromThreads,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        """Use the file *path*, which must have been migrated (see ``migrate``)."""
        self._path = path
        in_memory = str(path) == ":memory:"
        self._ballast = None if in_memory else Ballast(Path(path))
        self._restored = float("-inf")
        self._tidied = time.monotonic()
        self._tidying = False
        self._now = now
        self._entropy = entropy
        self._writer = Worker("semaphore-writer", reactor=reactor)
        self._reader = Worker("semaphore-reader", reactor=reactor)
        self._here: Connection | None = None
        self._writing: Connection | None = None
        self._reading: Connection | None = None

    @property
    def writes_waiting(self) -> int:
        """Number of transactions queued for the writer, including the running one."""
        return self._writer.waiting

    @property
    def writes_done(self) -> int:
        """Number of write transactions completed since the start."""
        return self._writer.done

    @property
    def last_wait(self) -> float:
        """Seconds that the last write transaction waited in the queue."""
        return self._writer.last_wait

    @override
    def startService(self) -> None:
        """Open the file and start the threads; errors of SQLite are raised."""
        super().startService()
        self._writing = self._connect(read_only=False)
        self._reading = self._connect(read_only=True)
        self._here = self._connect(read_only=True)
        if self._ballast is not None:
            # after connecting: on a full disk the connections use the space released
            # for them
            self._ballast.restore()
        self._writer.start()
        self._reader.start()

    @override
    def stopService(self) -> Deferred[None]:
        """Complete the queued work, then close all connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        here, reading, writing = self._here, self._reading, self._writing
        self._here = self._reading = self._writing = None
        if here is None or reading is None or writing is None:
            return
        await self._reader.stop(reading.close)
        here.close()
        # The last connection to be closed must be writable: it removes the WAL.
        await self._writer.stop(writing.close)

    def read(
        self,
        operation: Operation[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a short reading *operation* immediately, in this thread."""
        if self._here is None:
            return fail(Failure(Stopped("the database is closed")))
        try:
            value = _transact(
                self._here, lambda conn: operation(conn, *args, **kwargs), write=False
            )
        except Exception:  # noqa: BLE001 - the caller receives any error
            return fail(Failure())
        return succeed(value)

    def long_read(
        self,
        operation: Operation[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a reading *operation* in the reader thread."""
        conn = self._reading
        if conn is None:
            return fail(Failure(Stopped("the database is closed")))
        return self._reader.run(
            lambda: _transact(
                conn, lambda conn: operation(conn, *args, **kwargs), write=False
            )
        )

    def write(
        self,
        operation: Operation[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run *operation* as the only writer; fire after the commit."""
        return self._write(operation, args, kwargs)

    def writing(
        self, *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> WriteFunction:
        """Return a function like :meth:`write`, as ``IDatabase.writing`` specifies."""

        def write(
            operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            return self._write(
                operation,
                args,
                kwargs,
                urgent=urgent,
                durable=durable,
                sparing=sparing,
            )

        return write

    def _write(
        self,
        operation: Callable[..., T],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        *,
        urgent: bool = False,
        durable: bool = False,
        sparing: bool = False,
    ) -> Deferred[T]:
        conn = self._writing
        if conn is None:
            return fail(Failure(Stopped("the database is closed")))

        def transact() -> T:
            if sparing:
                self._check_spare(conn)
            return _transact(
                conn,
                lambda conn: operation(conn, *args, **kwargs),
                write=True,
                durable=durable,
            )

        if urgent:
            written = self._writer.run(lambda: self._urgently(conn, transact))
        else:
            written = self._writer.run(lambda: self._usually(transact))
        self._tidy(conn)
        return written

    def _tidy(self, conn: Connection) -> None:
        """Release free pages periodically, in small steps after queued writes."""
        now = time.monotonic()
        if self._tidying or now < self._tidied + _TIDY_PAUSE:
            return
        self._tidying = True

        def step() -> None:
            _ = self._writer.run(lambda: give_back(conn)).addCallbacks(again, over)

        def again(more: bool) -> None:  # noqa: FBT001 - a Deferred's result
            if more and self._writing is not None:
                step()
            else:
                over(None)

        def over(_: object) -> None:
            self._tidying = False
            self._tidied = time.monotonic()

        step()

    def _check_spare(self, conn: Connection) -> None:
        """Accept a write only if enough space remains for urgent ones (writer thread).

        :raises NoRoom: if less than half of the disk reserve is available, and the file
            has few free pages
        """
        if self._ballast is None or self._ballast.spare():
            return
        (free,) = conn.raw.execute("PRAGMA freelist_count").fetchone()
        if free < FREE_PAGES // 2:
            raise NoRoom

    def _usually(self, transact: Callable[[], T]) -> T:
        """Write, and restore missing ballast files (writer thread)."""
        value = transact()
        ballast = self._ballast
        if ballast is not None and not ballast.whole:
            now = time.monotonic()
            if now >= self._restored + _BALLAST_PAUSE:
                self._restored = now
                ballast.restore()
        return value

    def _urgently(self, conn: Connection, transact: Callable[[], T]) -> T:
        """Write, using the ballast's space if the disk is full (writer thread).

        The ballast is released file by file, and unused space is reserved again
        immediately; otherwise the job that fills the disk would use it.
        """
        ballast = self._ballast
        if ballast is None:
            return transact()
        try:
            try:
                return transact()
            except NoRoom:
                while ballast.release():
                    try:
                        _reuse_log(conn)
                        return transact()
                    except NoRoom:
                        continue
                raise
        finally:
            if not ballast.whole:
                ballast.restore()

    def _connect(self, *, read_only: bool) -> Connection:
        return connect(
            self._path, now=self._now, entropy=self._entropy, read_only=read_only
        )


def _reuse_log(conn: Connection) -> None:
    """Run a checkpoint, so that the write-ahead log is reused from its beginning."""
    with contextlib.suppress(sqlite3.Error):
        conn.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
