"""Templates and tasks in the store of a test."""

from base64 import b64encode
from typing import Any

import msgspec

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.ids import KeyId, TaskId, TemplateId, UserId
from semaphore_twisted.model.keys import KeyType, OpenedSecret
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from tests.support.memory import Entropy


def make_keyring(filling: int = 7) -> Keyring:
    """Return a keyring whose key consists of bytes *filling*."""
    key = MasterKey.parse(b64encode(bytes([filling]) * 32).decode())
    return Keyring(key, entropy=Entropy())


def make_key(
    conn: Connection,
    project: Project,
    keyring: Keyring | None = None,
    secret: OpenedSecret | None = None,
    *,
    name: str = "Deploy key",
    kind: KeyType = KeyType.NONE,
    **columns: Any,
) -> KeyId:
    """Store a key, with its *secret* sealed."""
    uuid = conn.uuid()
    sealed = None
    if keyring is not None and secret is not None:
        where = conn.scalar(statements.project_uuid, id=project.id)
        context = SealContext("access_key", "access_key", "secret", uuid, where)
        sealed = keyring.seal(msgspec.json.encode(secret), context)
    return KeyId(
        conn.insert(
            schema.access_key,
            uuid=uuid,
            name=name,
            type=kind,
            project_id=project.id,
            secret=sealed,
            **columns,
        )
    )


def make_repository(
    conn: Connection, project: Project, key_id: int | None = None
) -> int:
    """Store a repository."""
    return conn.insert(
        schema.repository,
        project_id=project.id,
        name="Files",
        git_url="https://git.example/files.git",
        git_branch="main",
        ssh_key_id=make_key(conn, project) if key_id is None else key_id,
    )


def make_template(conn: Connection, project: Project, **columns: Any) -> TemplateId:
    """Store a template that runs a script; *columns* override the defaults."""
    values: dict[str, Any] = {
        "name": "Say",
        "playbook": "say.sh",
        "app": "bash",
        **columns,
    }
    if "repository_id" not in values:
        values["repository_id"] = make_repository(conn, project)
    return TemplateId(conn.insert(schema.template, project_id=project.id, **values))


def make_task(
    conn: Connection,
    project: Project,
    template_id: TemplateId,
    *,
    status: TaskStatus = TaskStatus.WAITING,
    user_id: UserId | None = None,
    **columns: Any,
) -> TaskId:
    """Store a task."""
    return TaskId(
        conn.insert(
            schema.task,
            uuid=conn.uuid(),
            project_id=project.id,
            template_id=template_id,
            status=status,
            user_id=user_id,
            created=conn.now,
            **columns,
        )
    )
