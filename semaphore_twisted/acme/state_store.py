"""Persistent state of the ACME service: record in the database, certificate on disk.

Files are written in the database's writer thread, inside the transaction that stores
the matching record, so the reactor never waits for a disk.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import define, field

from semaphore_twisted.acme.certificate_files import CertificateFiles, StoredCertificate
from semaphore_twisted.crypto.challenges import CertificateRequest
from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.operations.vault import acme
from semaphore_twisted.persistence.engine import Connection


@define(eq=False)
class DatabaseStateStore:
    """Stores the ACME state of the CA whose directory is at *directory*."""

    _database: IDatabase
    _keyring: Keyring
    _directory: str
    _folder: CertificateFiles
    _now: Callable[[], datetime]
    _record: AcmeRecord = field(factory=AcmeRecord)

    @property
    def record(self) -> AcmeRecord:
        """The record as it was last read or stored."""
        return self._record

    async def load(self) -> AccountKey:
        """Read the record; return the account key, which the first call generates."""

        def operation(conn: Connection) -> tuple[AccountKey, AcmeRecord]:
            key = acme.account_key(conn, self._keyring, self._directory)
            return key, acme.record(conn, self._directory)

        key, self._record = await self._database.write(operation)
        return key

    async def keep(self, record: AcmeRecord) -> None:
        """Store *record*."""
        await self._database.write(acme.keep, self._directory, record)
        self._record = record

    async def asked(self) -> bool:
        """Return whether a new certificate was requested by command."""
        return bool(await self._database.read(acme.asked, self._directory))

    async def begin(self, record: AcmeRecord) -> None:
        """Store *record*, and mark the requested renewal as attempted."""

        def operation(conn: Connection) -> None:
            acme.keep(conn, self._directory, record)
            acme.taken(conn, self._directory)

        await self._database.write(operation)
        self._record = record

    async def wanted(self, names: Sequence[str]) -> CertificateRequest:
        """Return the key for the next certificate.

        It stays the same until that is issued.
        """

        def operation(conn: Connection) -> CertificateRequest:
            del conn  # only the writer thread is needed
            return self._folder.wanted(names)

        certificate_request: CertificateRequest = await self._database.write(operation)
        return certificate_request

    async def stored(self) -> StoredCertificate | None:
        """Return the newest stored certificate that is valid now."""
        return self._folder.newest(self._now())

    async def take(self, chain: bytes, key: bytes, record: AcmeRecord) -> None:
        """Write a new certificate to disk, then store *record*."""

        def operation(conn: Connection) -> None:
            self._folder.keep(chain, key)
            acme.keep(conn, self._directory, record)

        await self._database.write(operation)
        self._record = record
