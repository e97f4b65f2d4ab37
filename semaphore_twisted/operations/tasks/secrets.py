"""Decrypts the secrets that a job needs; the only module that decrypts jobs' secrets.

An error names a secret by its name and number, and never contains its content.
"""

import msgspec

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.model.ids import ScheduleId, TaskId
from semaphore_twisted.model.keys import KeyRow, KeyType, NoSecret, OpenedSecret
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.operations.tasks.tasks import secret_context


def open_secret(keyring: Keyring, row: KeyRow) -> OpenedSecret:
    """Return the decrypted secret of the key *row*.

    :raises SecretUnreadable: naming the key and the reason
    """
    if row.type is KeyType.NONE:
        return NoSecret()
    called = f"The access key {quoted(row.name)} (id {row.id})"
    if not row.secret:
        raise SecretUnreadable(f"{called} has no secret")
    context = SealContext(
        "access_key", "access_key", "secret", row.uuid, row.project_uuid
    )
    try:
        opened = keyring.unseal(row.secret, context)
        secret: OpenedSecret = msgspec.json.decode(opened.reveal(), type=OpenedSecret)
    except SecretUnreadable as error:
        raise SecretUnreadable(f"{called} cannot be opened: {error.message}") from None
    except msgspec.MsgspecError:
        raise SecretUnreadable(f"{called} cannot be opened: damaged") from None
    return secret


def schedule_context(row_uuid: str, project_uuid: str) -> SealContext:
    """Return the encryption context of the secret answers of a schedule."""
    return SealContext(
        "schedule", "project__schedule", "secret", row_uuid, project_uuid
    )


def open_schedule(
    keyring: Keyring,
    sealed: str | None,
    *,
    schedule_id: ScheduleId,
    context: SealContext,
) -> dict[str, str]:
    """Return the secret answers of a schedule by variable name.

    :raises SecretUnreadable: if they cannot be decrypted
    """
    whose = f"The secret variables of schedule {schedule_id} cannot be opened"
    return _opened_answers(keyring, sealed, context, whose)


def open_answers(
    keyring: Keyring,
    sealed: str | None,
    *,
    task_id: TaskId,
    row_uuid: str,
    project_uuid: str,
) -> dict[str, str]:
    """Return the one-time secrets of a task by variable name.

    :raises SecretUnreadable: if they cannot be decrypted
    """
    context = secret_context(row_uuid, project_uuid)
    whose = f"The secret variables of task {task_id} cannot be opened"
    return _opened_answers(keyring, sealed, context, whose)


def _opened_answers(
    keyring: Keyring, sealed: str | None, context: SealContext, whose: str
) -> dict[str, str]:
    if sealed is None:
        return {}
    try:
        opened = keyring.unseal(sealed, context)
        return msgspec.json.decode(opened.reveal(), type=dict[str, str])
    except SecretUnreadable as error:
        raise SecretUnreadable(f"{whose}: {error.message}") from None
    except msgspec.MsgspecError:
        raise SecretUnreadable(f"{whose}: damaged") from None
