"""Encrypts the secret of an access key for its row."""

import msgspec

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.keys import NoSecret, OpenedSecret
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import keys as statements


def seal(
    conn: Connection,
    keyring: Keyring,
    secret: OpenedSecret,
    *,
    row_uuid: str,
    project_id: ProjectId,
) -> str | None:
    """Return the envelope of *secret*; ``None`` if there is no secret.

    :raises TooLarge: if the secret is over the limit
    """
    if isinstance(secret, NoSecret):
        return None
    project_uuid = conn.scalar(statements.project_uuid, id=project_id)
    context = SealContext("access_key", "access_key", "secret", row_uuid, project_uuid)
    return keyring.seal(msgspec.json.encode(secret), context)
