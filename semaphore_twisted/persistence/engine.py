"""A thin connection: SQLAlchemy Core statements, compiled once, executed by the DBAPI.

Core's own execution takes four times as long as the DBAPI needs for a whole request
(``docs/architecture.md``). Its result and bind processors are not used: columns are
Integer, Text and LargeBinary only, and this module converts the values.
"""

import marshal
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Delete, Insert, Table, Update, bindparam, delete, insert, update
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql.base import Executable

from semaphore_twisted.model.errors import Invalid, Unavailable, Unwritable
from semaphore_twisted.model.limits import WRITE_AHEAD_LOG
from semaphore_twisted.model.wording import TOO_LARGE
from semaphore_twisted.persistence import damage
from semaphore_twisted.persistence.faults import fault

T = TypeVar("T")

#: A statement of SQLAlchemy Core.
Statement: TypeAlias = Executable
#: The values of a row, in the order of the statement's columns.
Row: TypeAlias = tuple[Any, ...]

#: A connection and two numbers; see :meth:`Connection.version`.
Version = tuple["Connection", int, int]

#: Seconds to wait for another process that holds the lock.
BUSY_TIMEOUT = 10.0


#: The condition that selects a row by its id, and its replacement for several ids.
_BY_ID, _BY_IDS = ".id = :id", ".id IN (SELECT value FROM json_each(:id))"

#: Number of rows from which one combined statement is faster than one per row.
_MANY = 3


class _Compiled:
    """A compiled statement: text, constant parameters and the columns of its rows."""

    __slots__ = ("constants", "decode", "many", "names", "text")

    def __init__(self, statement: Any) -> None:
        compiled = statement.compile(
            dialect=sqlite_dialect(paramstyle="named"),
            compile_kwargs={"render_postcompile": True},
        )
        self.text = str(compiled)
        self.constants = {
            name: _bound(value)
            for name, value in compiled.params.items()
            if value is not None
        }
        columns = list(getattr(statement, "selected_columns", ()))
        self.names = tuple(str(column.key) for column in columns)
        #: the same statement for a JSON list of ids, if the statement selects by id
        self.many: str | None = None
        if self.text.count(_BY_ID) == 1 and "id" in self.names:
            self.many = self.text.replace(_BY_ID, _BY_IDS)
        self.decode = tuple(
            str(column.key)
            for column in columns
            if getattr(column, "info", None) and column.info.get("json")
        )


def timestamp(moment: datetime) -> str:
    """Return *moment* in the stored form: UTC, six decimals, sortable as text."""
    # ten times as fast as strftime; used three times per request
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='microseconds')}Z"


def _bound(value: object) -> int | float | bytes | str | None:
    if value is None or isinstance(value, int | float | bytes):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return timestamp(value)
    return msgspec.json.encode(value).decode()


_SIZED = (str, bytes)


def _size(value: object) -> int:
    """Return an upper limit of the size of a text in UTF-8; 0 for other values."""
    if not isinstance(value, _SIZED):
        return 0
    return len(value) if value.isascii() else 4 * len(value)


class Connection:
    """A connection to the database, with the time and randomness of its transaction.

    *now* is constant during a transaction. Operations depend on nothing else.
    """

    def __init__(
        self,
        raw: sqlite3.Connection,
        *,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        path: Path | str = ":memory:",
    ) -> None:
        """Wrap *raw*, which must be in autocommit mode (``isolation_level=None``)."""
        self.raw = raw
        self._path = path
        self._clock = now
        self.entropy = entropy
        self.now = now()
        self._data_version: int | None = None

    _cache: dict[object, _Compiled] = {}  # noqa: RUF012 - statements are module constants

    def _compiled(self, statement: Executable) -> _Compiled:
        compiled = self._cache.get(statement)
        if compiled is None:
            compiled = self._cache[statement] = _Compiled(statement)
        return compiled

    def execute(self, statement: Executable, **parameters: object) -> sqlite3.Cursor:
        """Execute *statement*, a module constant, and return the raw cursor.

        :raises Invalid: if a number is too large for SQLite, or a text is not valid
            Unicode.
        """
        compiled = self._compiled(statement)
        values = dict(compiled.constants)
        for name, value in parameters.items():
            values[name] = _bound(value)
        try:
            return self.raw.execute(compiled.text, values)
        except OverflowError:
            raise Invalid(TOO_LARGE) from None
        except UnicodeEncodeError:
            raise Invalid("A text is not valid Unicode") from None

    def _values(self, statement: Executable, rows: list[Row], of: type[T]) -> list[T]:
        """Convert *rows* to *of*, all at once, since a list may have a thousand.

        If a row is damaged and *of* has the field ``fault``, each row is converted
        separately.
        """
        compiled = self._compiled(statement)
        try:
            return self._records(compiled, rows, of)
        except damage.DAMAGE:
            if not damage.can_tell(of):
                raise
        return [self._mended(compiled, row, of) for row in rows]

    def _records(self, compiled: _Compiled, rows: list[Row], of: type[T]) -> list[T]:
        records: list[dict[str, Any]] = [
            dict(zip(compiled.names, row, strict=False)) for row in rows
        ]
        for name in compiled.decode:
            for record in records:
                if record[name] is not None:
                    record[name] = msgspec.json.decode(record[name])
        if len(records) == 1:  # the type of a list would be made for each call
            return [msgspec.convert(records[0], of, strict=False)]
        return msgspec.convert(records, list[of], strict=False)  # type: ignore[valid-type]

    def _mended(self, compiled: _Compiled, row: Row, of: type[T]) -> T:
        try:
            return self._records(compiled, [row], of)[0]
        except damage.DAMAGE:
            record = dict(zip(compiled.names, row, strict=False))
            found: T = damage.mended(record, of, compiled.decode)
            return found

    def batch(
        self,
        statement: Executable,
        of: type[T],
        ids: Sequence[int],
        *,
        size: int,
        **parameters: object,
    ) -> tuple[list[T], int]:
        """Return the rows of the first of *ids*, and the number of ids looked up.

        *statement* selects one row by its ``id``. Reading stops after the row that
        makes the total size of the texts exceed *size* bytes; at least one id is looked
        up.
        """
        compiled = self._compiled(statement)
        values = dict(compiled.constants)
        values.update((name, _bound(value)) for name, value in parameters.items())
        together = self._together(compiled, values, ids, size)
        if together is not None:
            return self._values(statement, together, of), len(ids)
        rows: list[Row] = []
        held, looked_up = 0, 0
        for number in ids:
            looked_up += 1
            values["id"] = number
            row = self.raw.execute(compiled.text, values).fetchone()
            if row is not None:
                rows.append(row)
                held += sum(map(_size, row))
            if held > size:
                break
        return self._values(statement, rows, of), looked_up

    def _together(
        self,
        compiled: _Compiled,
        values: dict[str, object],
        ids: Sequence[int],
        size: int,
    ) -> list[Row] | None:
        """Return all rows of *ids* by one statement; ``None`` if they may be too large.

        This takes a third of the time of one statement per row.
        """
        if compiled.many is None or len(ids) < _MANY:
            return None
        place = compiled.names.index("id")
        rows, held = {}, 0
        values["id"] = msgspec.json.encode(ids).decode()
        for row in self.raw.execute(compiled.many, values):
            rows[row[place]] = row
            held += len(marshal.dumps(tuple(row)))  # the row's size, five times as fast
            if held > size // 2:
                return None
        return [rows[number] for number in ids if number in rows]

    def arrays(
        self, statement: Executable, *, size: int, **parameters: object
    ) -> list[str] | None:
        """Return all rows of *statement*, whose only column is a JSON array.

        Return ``None`` if the arrays exceed *size* characters, or if a value is a BLOB,
        which JSON cannot represent, or is not UTF-8: the error would quote the row.
        """
        arrays: list[str] = []
        held = 0
        try:
            for (array,) in self.execute(statement, **parameters):
                arrays.append(array)
                held += len(array)
                if held > size:
                    return None
        except sqlite3.OperationalError as error:
            if "BLOB" not in str(error) and "UTF-8" not in str(error):
                raise
            return None
        return arrays

    def from_array(self, statement: Executable, of: type[T], array: str) -> T:
        """Return the row of *statement* with the values of the JSON *array* as *of*."""
        row = msgspec.json.decode(array)
        return self._values(statement, [row], of)[0]

    def version(self) -> Version:
        """Return the version of the data that this transaction reads.

        Two transactions of one connection that read the same version read the same
        data, and any commit of this process or another one changes the version. A
        transaction that has written has no version that another one can have.
        """
        if self._data_version is None or not self.raw.in_transaction:
            # changes with the commits of other connections
            self._data_version = self.raw.execute("PRAGMA data_version").fetchone()[0]
        return self, self._data_version, self.raw.total_changes

    def all(self, statement: Executable, of: type[T], **parameters: object) -> list[T]:
        """Return all rows as *of*; column names are the field names."""
        rows = self.execute(statement, **parameters).fetchall()
        return self._values(statement, rows, of)

    def one(self, statement: Executable, of: type[T], **parameters: object) -> T | None:
        """Return the first row as *of*, or ``None``."""
        row = self.execute(statement, **parameters).fetchone()
        return None if row is None else self._values(statement, [row], of)[0]

    def scalar(self, statement: Executable, **parameters: object) -> Any:
        """Return the first column of the first row, or ``None``."""
        row = self.execute(statement, **parameters).fetchone()
        return None if row is None else row[0]

    def column(self, statement: Executable, **parameters: object) -> list[Any]:
        """Return the first column of every row."""
        return [row[0] for row in self.execute(statement, **parameters)]

    def run(self, statement: Executable, **parameters: object) -> int:
        """Execute a change and return the number of affected rows."""
        return self.execute(statement, **parameters).rowcount

    def insert(self, table: Table, **values: object) -> int:
        """Insert one row and return its id."""
        cursor = self.execute(_insertion(table, tuple(values)), **values)
        return cursor.lastrowid or 0

    def update(self, table: Table, key: object, /, **values: object) -> int:
        """Set the columns *values* of the row whose primary key is *key*."""
        statement = _change(table, tuple(values))
        return self.run(
            statement,
            key=key,
            **{f"new_{name}": value for name, value in values.items()},
        )

    def delete(self, table: Table, key: object) -> int:
        """Delete the row whose primary key is *key*."""
        return self.run(_deletion(table), key=key)

    def uuid(self) -> str:
        """Return a new random UUID (RFC 9562, version 4) for a row."""
        return str(UUID(bytes=self.entropy(16), version=4))

    @contextmanager
    def transaction(
        self, *, write: bool, durable: bool = False
    ) -> Iterator["Connection"]:
        """Run the block in a transaction; commit at its end, roll back on an error.

        A write transaction takes the lock immediately (``BEGIN IMMEDIATE``), so the
        data it has read cannot change before its writes. A *durable* one, and all
        transactions before it, survive a power failure; other ones may be lost until
        the next checkpoint.

        :raises semaphore_twisted.model.errors.Unavailable: if the disk is full, another
            program holds the lock, or the file cannot be written
        """
        # One generator: nested ones would take a twentieth of a short request.
        if durable:
            self.raw.execute("PRAGMA synchronous=FULL")
        try:
            self.raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._data_version = None
            self.now = self._clock()
            try:
                yield self
                self.raw.execute("COMMIT")
            except BaseException:
                # SQLite ends a transaction itself on some errors, such as a full disk;
                # a failed COMMIT leaves it open.
                if self.raw.in_transaction:
                    self.raw.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            unavailable = self._fault(error, write=write)
            if unavailable is None:
                raise
            raise unavailable from error
        finally:
            if durable:
                self.raw.execute("PRAGMA synchronous=NORMAL")

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Convert operating errors of SQLite in the block to errors of the model."""
        try:
            yield
        except sqlite3.Error as error:
            unavailable = self._fault(error, write=True)
            if unavailable is None:
                raise
            raise unavailable from error

    def _fault(self, error: sqlite3.Error, *, write: bool) -> Unavailable | None:
        """Return the error of the model for *error*; ``None`` for a programming error.

        An attempt to write by a reading operation is a programming error.
        """
        unavailable = fault(error, self._path)
        return (
            None if not write and isinstance(unavailable, Unwritable) else unavailable
        )

    def close(self) -> None:
        """Close the connection; it cannot be used afterwards."""
        self.raw.close()


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> Insert:
    return insert(table).values({name: bindparam(name) for name in names})


@cache
def _change(table: Table, names: tuple[str, ...]) -> Update:
    (primary,) = table.primary_key
    return (
        update(table)
        .where(primary == bindparam("key"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


@cache
def _deletion(table: Table) -> Delete:
    (primary,) = table.primary_key
    return delete(table).where(primary == bindparam("key"))


def connect(
    path: Path | str,
    *,
    now: Callable[[], datetime],
    entropy: Callable[[int], bytes],
    read_only: bool = False,
) -> Connection:
    """Open the database at *path* (or ``:memory:``) with the required pragmas.

    :raises semaphore_twisted.model.errors.Unavailable: if the disk is full, or the file
        is locked or cannot be opened
    """
    raw = sqlite3.connect(
        str(path),
        isolation_level=None,
        timeout=BUSY_TIMEOUT,
        check_same_thread=False,
        cached_statements=512,
    )
    pragmas: Mapping[str, str] = {
        "journal_mode": "WAL",
        "synchronous": "NORMAL",
        "foreign_keys": "ON",
        "secure_delete": "ON",
        "journal_size_limit": str(WRITE_AHEAD_LOG),
        "query_only": "ON" if read_only else "OFF",
    }
    try:
        for name, value in pragmas.items():
            raw.execute(f"PRAGMA {name}={value}").fetchall()
    except sqlite3.Error as error:
        raw.close()
        unavailable = fault(error, path)
        if unavailable is None:
            raise
        raise unavailable from error
    return Connection(raw, now=now, entropy=entropy, path=path)


def utc_now() -> datetime:
    """Return the current time in UTC; passed to :func:`connect`."""
    return datetime.now(UTC)
