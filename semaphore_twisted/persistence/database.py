"""The store behind its port: one writer's thread, short reads at once, long ones apart.

A single writer with ``BEGIN IMMEDIATE`` makes transactions serial by construction; a
pool with SQLAlchemy's default transactions lost 766 of 1,000 updates. Short reads run
in the reactor's thread on a connection of their own: a snapshot of the WAL costs
0.2 ms there, and 69 ms at worst in a pool (``docs/architecture.md``).
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.interfaces import IDatabase
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
    operation: Callable[[Any], T],
    *,
    write: bool,
    durable: bool = False,
) -> T:
    with conn.transaction(write=write, durable=durable):
        return operation(conn)


#: Seconds between two attempts to make the ballast again.
_BALLAST_PAUSE = 5.0

#: Seconds between two looks at the free pages of the file.
_TIDY_PAUSE = 10.0


@implementer(IDatabase)
class Database(Service):
    """The embedded store; connections and threads exist from start to stop."""

    name = "database"

    def __init__(
        self,
        path: Path | str,
        *,
        reactor: IReactorFromThreads,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        """Use the file *path*, which was migrated before (``migrations.migrate``)."""
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
        """How many transactions wait for the writer, the present one included."""
        return self._writer.waiting

    @property
    def writes_done(self) -> int:
        """How many writing transactions have ended since the start."""
        return self._writer.done

    @property
    def last_wait(self) -> float:
        """How many seconds the last writing transaction waited for its turn."""
        return self._writer.last_wait

    @override
    def startService(self) -> None:
        """Open the file and start the threads; errors of SQLite are raised."""
        super().startService()
        self._writing = self._connect(read_only=False)
        self._reading = self._connect(read_only=True)
        self._here = self._connect(read_only=True)
        if self._ballast is not None:
            # only now: on a full disk the three need what was released for them
            self._ballast.restore()
        self._writer.start()
        self._reader.start()

    @override
    def stopService(self) -> Deferred[None]:
        """Finish what was asked, then close everything."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        here, reading, writing = self._here, self._reading, self._writing
        self._here = self._reading = self._writing = None
        if here is None or reading is None or writing is None:
            return
        await self._reader.stop(reading.close)
        here.close()
        # The last connection to close is one that may write: it ends the WAL.
        await self._writer.stop(writing.close)

    def read(
        self,
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a short reading *operation* now, in this thread."""
        if self._here is None:
            return fail(Failure(Stopped("the database is closed")))
        try:
            value = _transact(
                self._here, lambda conn: operation(conn, *args, **kwargs), write=False
            )
        except Exception:  # noqa: BLE001 - the caller gets it, whatever it is
            return fail(Failure())
        return succeed(value)

    def long_read(
        self,
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a reading *operation* in the reader's thread."""
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
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run *operation* as the only writer; fires after the commit."""
        return self._write(operation, args, kwargs)

    def writing(
        self, *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> Callable[..., Deferred[Any]]:
        """Return a function as :meth:`write` (``interfaces.IDatabase.writing``)."""

        def write(
            operation: Callable[..., Any], *args: Any, **kwargs: Any
        ) -> Deferred[Any]:
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
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
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
        """Give free pages back now and then, some at a time, behind other writes."""
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
        """Accept a write that leaves room to others; writer's thread.

        :raises NoRoom: while the disk has half of its reserve, and the file no more
            free pages than it keeps
        """
        if self._ballast is None or self._ballast.spare():
            return
        (free,) = conn.raw.execute("PRAGMA freelist_count").fetchone()
        if free < FREE_PAGES // 2:
            raise NoRoom

    def _usually(self, transact: Callable[[], T]) -> T:
        """Write, and make the ballast again where it is missing; writer's thread."""
        value = transact()
        ballast = self._ballast
        if ballast is not None and not ballast.whole:
            now = time.monotonic()
            if now >= self._restored + _BALLAST_PAUSE:
                self._restored = now
                ballast.restore()
        return value

    def _urgently(self, conn: Connection, transact: Callable[[], T]) -> T:
        """Write, with the ballast's space if there is no other; writer's thread.

        It is given up in small parts, and taken back at once as far as it was not
        used: what fills the disk would take it otherwise.
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
    """Move the log into the file, so that it is written from its beginning again."""
    with contextlib.suppress(sqlite3.Error):
        conn.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
