"""The states of workspaces, as the API shows them."""

import re
from datetime import datetime

import msgspec

from semaphore_twisted.model.ids import (
    AliasId,
    InventoryId,
    KeyId,
    ProjectId,
    StateId,
    TaskId,
    UserId,
)

#: The path of the state backend, below the site; an alias follows.
BACKEND = "/api/terraform/"

#: An alias: 20 random bytes in base32.
ALIAS = re.compile("[a-z2-7]{32}")


class NewStateAlias(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an alias of a state."""

    auth_key_id: KeyId | None = None


class StateAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An address of a workspace's state, with the access key that protects it."""

    id: AliasId
    url: str
    auth_key_id: KeyId


class StateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a state, without its content.

    *size* is in bytes. *task_id* is the task that stored it; *author* is the holder of
    the lock, in the words of the client, or the account that rolled back.
    *restored_from* is the version that it repeats. A *rescued* version was left by a
    task and does not continue the present one; a rollback makes it the present one.
    """

    id: StateId
    project_id: ProjectId
    inventory_id: InventoryId
    created: datetime
    task_id: TaskId | None
    user_id: UserId | None
    author: str
    serial: int
    lineage: str
    terraform_version: str
    size: int
    resources: int
    outputs: tuple[str, ...]
    restored_from: StateId | None
    rescued: bool


class StateLock(msgspec.Struct, frozen=True, kw_only=True):
    """The lock of a workspace's state, with its holder and its time."""

    lock_id: str
    who: str
    operation: str
    created: datetime
    task_id: TaskId | None
