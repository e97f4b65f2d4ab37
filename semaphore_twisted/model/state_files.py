"""Terraform's states, as far as this program reads them, and their locks.

A state is a JSON object of Terraform or OpenTofu. Its *serial* grows with each version,
its *lineage* is random and stays. Nothing else is interpreted; the attributes, which
contain secrets, are never decoded.
"""

import re
import zlib

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, Invalid, TooLarge
from semaphore_twisted.model.ids import (
    AliasId,
    InventoryId,
    KeyId,
    ProjectId,
    TaskId,
)
from semaphore_twisted.model.reprs import redacted

#: Characters of a lineage, of an output's name, and of a text of a lock.
_LINEAGE = 100
_NAME = 255
_TEXT = 255

#: Names of outputs that are kept with a version.
_OUTPUTS = 200

#: Tells zlib to expect the format of gzip.
_GZIP = 31

#: Levels of nested lists and objects of a state that is rolled back.
_DEPTH = 200

#: The marks that structure JSON: quotes, brackets, and escapes, which hide a quote.
_MARK = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)

#: What follows a key, if its value is a number.
_VALUE = re.compile(rb"\s*:\s*(-?[0-9][0-9.eE+-]*)")

#: Bytes of the key "serial" if each character is an escape.
_LONGEST = len('"') * 2 + len("serial") * len("\\u0073")

#: The largest serial that SQLite stores.
_LARGEST = 2**63 - 2

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class StateHead(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a state that are read: no value of a resource or an output."""

    serial: int
    lineage: str
    terraform_version: str = ""
    outputs: dict[str, msgspec.Raw] = {}
    resources: list[msgspec.Raw] = []

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "serial", "lineage", "terraform_version")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the first outputs, sorted."""
        return tuple(plain(each)[:_NAME] for each in sorted(self.outputs)[:_OUTPUTS])


def read_head(content: bytes) -> StateHead:
    """Return the head of the state *content*.

    :raises Invalid: if it is no state
    """
    try:
        head = msgspec.json.decode(content, type=StateHead)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Invalid(
            "The body is not a state of Terraform; expected a JSON object with"
            " serial and lineage"
        ) from None
    if not 0 <= head.serial <= _LARGEST:
        raise Invalid(f"serial: invalid value; expected 0 to {_LARGEST}")
    if (
        not head.lineage
        or len(head.lineage) > _LINEAGE
        or plain(head.lineage) != (head.lineage)
    ):
        raise Invalid(f"lineage: invalid value; expected 1 to {_LINEAGE} characters")
    return head


def with_serial(content: bytes, serial: int) -> bytes:
    """Return the state *content* with another serial; each other byte stays as it is.

    *content* is valid JSON. This takes a while for a long state.

    :raises Invalid: if it is nested too deeply
    """
    parts: list[bytes] = []
    depth, end, opened, quoted = 0, 0, 0, False
    for found in _MARK.finditer(content):
        mark = found[0]
        if mark == b'"':
            quoted = not quoted
            if quoted:
                opened = found.start()
            elif depth == 1:
                value = _VALUE.match(content, found.end())
                if value and _is_serial(content[opened : found.end()]):
                    parts += content[end : value.start(1)], b"%d" % serial
                    end = value.end(1)
        elif quoted or mark[:1] == b"\\":
            continue
        elif mark in b"[{":
            depth += 1
            if depth > _DEPTH:
                raise Invalid(f"The state is nested more than {_DEPTH} levels deep")
        else:
            depth -= 1
    return b"".join((*parts, content[end:]))


def _is_serial(key: bytes) -> bool:
    """Return whether *key*, in quotes, is the name of the serial."""
    return len(key) <= _LONGEST and msgspec.json.decode(key) == "serial"


def unpacked(packed: bytes) -> bytes:
    """Return the content of a rescued state, which is sent compressed (gzip).

    :raises Invalid: if it is not compressed so
    :raises TooLarge: if the content is over the limit
    """
    try:
        content = zlib.decompressobj(_GZIP).decompress(packed, limits.STATE_RESCUED + 1)
    except zlib.error:
        raise Invalid("The body is not compressed with gzip") from None
    if len(content) > limits.STATE_RESCUED:
        raise TooLarge(f"A rescued state has at most {limits.STATE_RESCUED} bytes")
    return content


def plain(text: str) -> str:
    """Return *text* without control characters and marks of direction."""
    return _UNPRINTABLE.sub("", text)


class LockInfo(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A lock as Terraform sends it."""

    id: str = msgspec.field(name="ID")
    operation: str = ""
    info: str = ""
    who: str = ""
    version: str = ""
    created: str = ""
    path: str = ""


def read_lock(body: bytes) -> LockInfo:
    """Return the lock that the *body* of LOCK or UNLOCK describes.

    Texts other than the id are shortened, and control characters removed.

    :raises Invalid: if it is none
    """
    if len(body) > limits.STATE_LOCK:
        raise Invalid(f"The lock has more than {limits.STATE_LOCK} bytes")
    try:
        lock = msgspec.json.decode(body, type=LockInfo)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Invalid(
            "The body is not a lock of Terraform; expected a JSON object with ID. A"
            " lock whose ID is lost is removed on the page of the workspace"
        ) from None
    if not lock.id or len(lock.id) > _TEXT or plain(lock.id) != lock.id:
        raise Invalid(f"ID: invalid value; expected 1 to {_TEXT} characters")
    return LockInfo(
        id=lock.id,
        operation=plain(lock.operation)[:_TEXT],
        info=plain(lock.info)[:_TEXT],
        who=plain(lock.who)[:_TEXT],
        version=plain(lock.version)[:_TEXT],
        created=plain(lock.created)[:_TEXT],
        path=plain(lock.path)[:_TEXT],
    )


class Locked(Conflict):
    """Another client has locked the state (423); *holder* is its lock, as JSON."""

    sentence = "The state is locked"

    def __init__(self, holder: LockInfo) -> None:
        """Store the lock of the *holder*."""
        super().__init__(
            f"The state is locked by {holder.who or 'another client'}"
            f" (lock {holder.id}, operation {holder.operation or 'not known'})"
        )
        self.holder = msgspec.json.encode(holder)


class StateAccess(msgspec.Struct, frozen=True, kw_only=True):
    """An alias whose password was checked, as it was then.

    *task_id* is the task that a temporary alias was made for, *digest* that of its
    password; otherwise *key_id* and *sealed* are the access key and its envelope.
    """

    id: AliasId
    project_id: ProjectId
    project_uuid: str
    inventory_id: InventoryId
    task_id: TaskId | None
    digest: str | None
    key_id: KeyId | None
    sealed: str | None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "id", "project_id", "inventory_id", "task_id", "key_id")
