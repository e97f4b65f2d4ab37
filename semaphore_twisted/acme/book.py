"""The service's memory: the record in the store, the certificate on the disk.

Files are written in the database's thread, inside the transaction that tells of them,
so the reactor never waits for a disk.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import define, field

from semaphore_twisted.acme.folder import Folder, Held
from semaphore_twisted.crypto.challenges import Wanted
from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.acme import Record
from semaphore_twisted.operations import acme
from semaphore_twisted.persistence.engine import Connection


@define(eq=False)
class StoredBook:
    """What is known of the authority at *directory*."""

    _database: IDatabase
    _keyring: Keyring
    _directory: str
    _folder: Folder
    _now: Callable[[], datetime]
    _record: Record = field(factory=Record)

    @property
    def record(self) -> Record:
        """The record as it is."""
        return self._record

    async def load(self) -> AccountKey:
        """Read the record; return the account's key, drawn at the first call."""

        def operation(conn: Connection) -> tuple[AccountKey, Record]:
            key = acme.account_key(conn, self._keyring, self._directory)
            return key, acme.record(conn, self._directory)

        key, self._record = await self._database.write(operation)
        return key

    async def keep(self, record: Record) -> None:
        """Store *record*."""
        await self._database.write(acme.keep, self._directory, record)
        self._record = record

    async def asked(self) -> bool:
        """Tell whether a new certificate was asked for."""
        return bool(await self._database.read(acme.asked, self._directory))

    async def begin(self, record: Record) -> None:
        """Store *record*, and that what was asked for is tried."""

        def operation(conn: Connection) -> None:
            acme.keep(conn, self._directory, record)
            acme.taken(conn, self._directory)

        await self._database.write(operation)
        self._record = record

    async def wanted(self, names: Sequence[str]) -> Wanted:
        """Return the key of the next certificate; the same until that is there."""

        def operation(conn: Connection) -> Wanted:
            del conn  # its thread is what is wanted
            return self._folder.wanted(names)

        wanted: Wanted = await self._database.write(operation)
        return wanted

    async def held(self) -> Held | None:
        """Return the newest certificate that can serve."""
        return self._folder.held(self._now())

    async def take(self, chain: bytes, key: bytes, record: Record) -> None:
        """Put a new certificate on the disk, then *record* into the store."""

        def operation(conn: Connection) -> None:
            self._folder.keep(chain, key)
            acme.keep(conn, self._directory, record)

        await self._database.write(operation)
        self._record = record
