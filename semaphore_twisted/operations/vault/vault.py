"""Encrypted values: which key each needs, whether it opens, and the change of the key.

The table ``option`` contains these facts:

- ``sealing_key``: the id of the key that the server encrypts with;
- ``sealing_key:ID``: a canary, a known text encrypted with the key ID, for that key and
  for each other key that some row still needs;
- ``vault_leftovers``: a rekey was committed, and the files were not scrubbed yet.

The canary of a key id tells that this key was valid here. A row that names such a key
is not damaged if the key is missing: this distinguishes a wrong key from a damaged row.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from semaphore_twisted.crypto.keyring import Keyring, SealContext, key_id_of
from semaphore_twisted.crypto.masterkey import OPTION, SIZE
from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.model.errors import Conflict, DomainError, SecretUnreadable
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection, Statement
from semaphore_twisted.persistence.statements.vault import vault as statements

_CURRENT: Final = "sealing_key"
_CANARY: Final = "sealing_key:"
_LEFTOVERS: Final = "vault_leftovers"


class SealedColumn(msgspec.Struct, frozen=True):
    """A column of envelopes, with the statements that read and write its rows."""

    purpose: str
    table: str
    column: str
    rows: Statement
    reseal: Statement


#: All sealed columns; a test compares them with the schema.
SEALED: Final = (
    SealedColumn(
        "access_key",
        "access_key",
        "secret",
        statements.ACCESS_KEYS,
        statements.RESEAL_ACCESS_KEY,
    ),
    SealedColumn("task", "task", "secret", statements.TASKS, statements.RESEAL_TASK),
    SealedColumn(
        "schedule",
        "project__schedule",
        "secret",
        statements.SCHEDULES,
        statements.RESEAL_SCHEDULE,
    ),
    SealedColumn(
        "installation",
        "sealed_value",
        "secret",
        statements.INSTALLATION,
        statements.RESEAL_INSTALLATION,
    ),
    SealedColumn(
        "state",
        "project__terraform_inventory_state",
        "secret",
        statements.STATES,
        statements.RESEAL_STATE,
    ),
    SealedColumn(
        "vpn_peer",
        "vpn_peer",
        "preshared_key",
        statements.VPN_PEERS,
        statements.RESEAL_VPN_PEER,
    ),
)


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed value and its place; *row* is the row's id or name."""

    row: str
    uuid: str
    project_uuid: str
    project: str
    name: str
    secret: str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``option``."""

    key: str
    value: str


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one sealed value.

    *why* is empty if it opens; *key_id* is empty if the envelope names no key.
    """

    table: str
    row: str
    project: str
    name: str
    key_id: str
    why: str

    @property
    def title(self) -> str:
        """Table, row and name of the value, for a sentence."""
        where = f" of project {quoted(self.project)}" if self.project else ""
        return f"{self.table} {self.row} {quoted(self.name)}{where}"


class StartupReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the check at the start."""

    total: int
    unreadable: tuple[RowReport, ...]
    #: number of values per former key
    under_old_keys: dict[str, int]

    @property
    def warnings(self) -> list[str]:
        """Sentences for the log."""
        warnings = []
        if self.unreadable:
            warnings.append(
                f"{len(self.unreadable)} of {self.total} stored secrets cannot be "
                "opened; `semaphore vault check` names them"
            )
        if self.under_old_keys:
            keys = ", ".join(
                f"{count} with {key_id}"
                for key_id, count in sorted(self.under_old_keys.items())
            )
            warnings.append(
                f"Stored secrets are still encrypted with former keys ({keys}); "
                "`semaphore vault rekey` encrypts them with the present one"
            )
        return warnings


class RekeyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a rekey; *skipped* are the values that could not be opened."""

    resealed: int
    already: int
    skipped: tuple[RowReport, ...]


class WrongMasterKey(DomainError):
    """The database is encrypted with a key that is not configured."""

    sentence = f"{OPTION}: this is not the key that the database is encrypted with"


class NoMasterKey(WrongMasterKey):
    """The database has encrypted values, but no key is configured."""


class RekeyRefused(Conflict):
    """Nothing was changed, because a value cannot be opened; the sentence names it."""


def startup_check(conn: Connection, keyring: Keyring | None) -> StartupReport:
    """Check at the start that *keyring*, if any, belongs to the database.

    Raise :class:`WrongMasterKey` without a change if not; otherwise store the canary of
    the current key, so this needs a write transaction. Values that cannot be opened are
    reported and do not prevent the start.
    """
    canaries, used = _canaries(conn), _used(conn)
    if keyring is None:
        found = sorted({*canaries, *used})
        if found or any(True for _ in _rows(conn)):
            keys = ", ".join(found) or "of an unknown id"
            raise NoMasterKey(
                f"{OPTION}: the database is encrypted with key {keys}, none is "
                "configured "
                f"(0 bytes; expected {SIZE} bytes); put that key back, since no "
                "other key can decrypt it"
            )
        return StartupReport(total=0, unreadable=(), under_old_keys={})
    _check_keys(keyring, canaries, used)
    reports = check(conn, keyring)
    _record(conn, keyring, keep=set(used))
    return StartupReport(
        total=len(reports),
        unreadable=tuple(each for each in reports if each.why),
        under_old_keys={
            key_id: count
            for key_id, count in used.items()
            if key_id in keyring.key_ids and key_id != keyring.key_id
        },
    )


def check(conn: Connection, keyring: Keyring) -> list[RowReport]:
    """Try to open all sealed values; return a report on each."""
    return [_report(column, row, keyring) for column, row in _rows(conn)]


def rekey(
    conn: Connection,
    keyring: Keyring,
    *,
    skip_unreadable: bool = False,
    server_runs: bool = False,
) -> RekeyReport:
    """Encrypt all values with the current key of *keyring*, in this transaction.

    Raise :class:`RekeyRefused` without a change if a value cannot be opened (with
    *skip_unreadable* such values are skipped), and
    :class:`~semaphore_twisted.model.errors.Conflict` if a running server
    (*server_runs*) encrypts with another key.
    """
    sealing = conn.scalar(statements.FACT, name=_CURRENT)
    if server_runs and sealing != keyring.key_id:
        raise Conflict(
            f"A server is running that encrypts with key {sealing}, not with "
            f"{keyring.key_id}: restart it with the new key in {OPTION} and the "
            f"former one in {OPTION}_old first"
        )
    resealed = already = 0
    skipped = []
    for column, row in list(_rows(conn)):
        try:
            opened = _open(column, row, keyring)
        except SecretUnreadable as error:
            skipped.append(_unreadable(column, row, error))
            continue
        if key_id_of(row.secret) == keyring.key_id:
            already += 1
            continue
        sealed = keyring.seal(opened.reveal(), _context(column, row))
        conn.run(column.reseal, row=row.row, sealed=sealed)
        resealed += 1
    if skipped and not skip_unreadable:
        raise RekeyRefused(
            f"Nothing was changed: {len(skipped)} stored secrets cannot be opened, the "
            f"first is {skipped[0].title}: {skipped[0].why}"
        )
    _record(conn, keyring, keep={keyring.key_id})
    if resealed:
        _remember(conn, _LEFTOVERS, "1")
    return RekeyReport(resealed=resealed, already=already, skipped=tuple(skipped))


def has_leftovers(conn: Connection) -> bool:
    """Return whether files may contain envelopes from before a rekey."""
    return conn.scalar(statements.FACT, name=_LEFTOVERS) is not None


def forget_leftovers(conn: Connection) -> None:
    """Record that the files were scrubbed."""
    conn.run(statements.FORGET_FACT, name=_LEFTOVERS)


def _rows(conn: Connection) -> Iterator[tuple[SealedColumn, SealedRow]]:
    for column in SEALED:
        for row in conn.all(column.rows, SealedRow):
            yield column, row


def _context(column: SealedColumn, row: SealedRow) -> SealContext:
    return SealContext(
        column.purpose, column.table, column.column, row.uuid, row.project_uuid
    )


def _open(column: SealedColumn, row: SealedRow, keyring: Keyring) -> Secret:
    return keyring.unseal(row.secret, _context(column, row))


def _report(column: SealedColumn, row: SealedRow, keyring: Keyring) -> RowReport:
    try:
        _open(column, row, keyring)
    except SecretUnreadable as error:
        return _unreadable(column, row, error)
    return RowReport(
        table=column.table,
        row=row.row,
        project=row.project,
        name=row.name,
        key_id=key_id_of(row.secret),
        why="",
    )


def _unreadable(
    column: SealedColumn, row: SealedRow, error: SecretUnreadable
) -> RowReport:
    return RowReport(
        table=column.table,
        row=row.row,
        project=row.project,
        name=row.name,
        key_id=_key_id(row.secret),
        why=str(getattr(error, "reason", error.message)),
    )


def _key_id(sealed: str) -> str:
    try:
        return key_id_of(sealed)
    except SecretUnreadable:
        return ""


def _used(conn: Connection) -> Counter[str]:
    """Return the number of values per key id."""
    counter = Counter(_key_id(row.secret) for _, row in _rows(conn))
    del counter[""]
    return counter


def _canaries(conn: Connection) -> dict[str, str]:
    return {
        fact.key.removeprefix(_CANARY): fact.value
        for fact in conn.all(statements.FACTS, Fact, prefix=_CANARY)
    }


def _check_keys(keyring: Keyring, canaries: dict[str, str], used: Counter[str]) -> None:
    """Raise :class:`WrongMasterKey` if a required key is not in *keyring*."""
    foreign = set(canaries) - keyring.key_ids
    if canaries:
        missing = foreign & set(used) if foreign != set(canaries) else foreign
    else:
        missing = set() if keyring.key_ids & set(used) else set(used)
    if missing:
        raise WrongMasterKey(
            f"{OPTION}: the database is encrypted with key "
            f"{', '.join(sorted(missing))}, and the configured key is "
            f"{keyring.key_id} ({SIZE} bytes, as expected, but another key); put the "
            f"former key back, or into {OPTION}_old"
        )


def _record(conn: Connection, keyring: Keyring, *, keep: set[str]) -> None:
    """Store the facts for the next start; write only changes."""
    canaries = _canaries(conn)
    for key_id in set(canaries) - keep - {keyring.key_id}:
        conn.run(statements.FORGET_FACT, name=_CANARY + key_id)
    try:
        keyring.check_canary(keyring.key_id, canaries.get(keyring.key_id, ""))
    except SecretUnreadable:
        _remember(conn, _CANARY + keyring.key_id, keyring.canary())
    if conn.scalar(statements.FACT, name=_CURRENT) != keyring.key_id:
        _remember(conn, _CURRENT, keyring.key_id)


def _remember(conn: Connection, name: str, value: str) -> None:
    conn.run(statements.FORGET_FACT, name=name)
    conn.insert(schema.option, key=name, value=value)
