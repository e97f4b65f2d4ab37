"""The content of states: sealed for the database, and opened.

This takes a while, so it is done outside of the transactions that store.
"""

from collections.abc import Callable

import msgspec
from attrs import frozen
from typing_extensions import override

from semaphore_twisted.crypto import sealed_content
from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, SecretUnreadable, TooLarge
from semaphore_twisted.model.ids import StateId
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.state_files import StateHead, read_head
from semaphore_twisted.operations.vault.sealed_values import opened_row


@frozen
class SealedState:
    """A state that is ready to be stored."""

    head: StateHead
    size: int
    uuid: str
    secret: str
    content: bytes

    @override
    def __repr__(self) -> str:
        """Show no content."""
        return redacted(self, "head", "size")


class StoredState(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a state as it is stored; :func:`check_same` opens it."""

    id: StateId
    uuid: str
    project_uuid: str
    serial: int
    size: int
    secret: str
    content: bytes

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "uuid", "size")


def sealed(
    content: bytes,
    *,
    keyring: Keyring,
    project_uuid: str,
    uuid: str,
    entropy: Callable[[int], bytes],
    limit: int = limits.STATE,
) -> SealedState:
    """Check and encrypt the state *content* for a new row; this takes a while.

    :raises Invalid: if it is no state
    :raises TooLarge: if it is over the *limit*
    """
    if len(content) > limit:
        raise TooLarge(f"A state has at most {limit} bytes; {len(content)} were sent")
    head, key = read_head(content), entropy(sealed_content.KEY)
    return SealedState(
        head=head,
        size=len(content),
        uuid=uuid,
        secret=keyring.seal(key, _place(uuid, project_uuid)),
        content=sealed_content.encrypted(content, key, entropy),
    )


def check_same(keyring: Keyring, present: StoredState, content: bytes) -> None:
    """Check that the *present* version is *content*, sent once more.

    That happens after an answer that got lost, and is no error.

    :raises Conflict: if it has another content
    :raises SecretUnreadable: if it cannot be opened
    """
    if opened(keyring, present) != content:
        raise Conflict(
            f"serial: the state has serial {present.serial} already, with another"
            " content"
        )


def opened(keyring: Keyring, row: StoredState) -> bytes:
    """Return the content of a version.

    :raises SecretUnreadable: naming the version
    """
    try:
        key = opened_row(keyring, row.secret, _place(row.uuid, row.project_uuid))
        return sealed_content.decrypted(row.content, key.reveal(), size=row.size)
    except SecretUnreadable as error:
        raise SecretUnreadable(
            f"Version {row.id} of the state cannot be opened: {error.message}"
        ) from None


def _place(uuid: str, project_uuid: str) -> SealContext:
    return SealContext(
        "state", "project__terraform_inventory_state", "secret", uuid, project_uuid
    )
