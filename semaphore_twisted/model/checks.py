"""Checks of inventories and repositories: what is checked, and what was found.

Names come from files of a project's managers, and reasons from programs: both are
untrusted texts.
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec
from attrs import frozen

from semaphore_twisted.model.ids import ProjectId


class CheckKind(StrEnum):
    """The kinds of objects that can be checked."""

    INVENTORY = "inventory"
    REPOSITORY = "repository"


@frozen
class CheckTarget:
    """An object of a project that is checked."""

    kind: CheckKind
    project_id: ProjectId
    number: int


class CheckStatus(StrEnum):
    """The status of a check; ``success`` says that it was carried out to its end."""

    NEVER = "never"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    STOPPED = "stopped"


class HostState(StrEnum):
    """What is known of a host."""

    WAITING = "waiting"
    CHECKING = "checking"
    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    #: the check ended before
    UNKNOWN = "unknown"


class CheckedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of an inventory, its groups, and how it answered *seconds* later."""

    name: str
    groups: tuple[str, ...] = ()
    state: HostState = HostState.WAITING
    reason: str = ""
    seconds: float | None = None


class CheckedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of an inventory, and the number of its hosts."""

    name: str
    hosts: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The progress or the result of a check.

    *reason* says why it did not succeed. *truncated* says that there are more names
    than are kept.
    """

    status: CheckStatus = CheckStatus.NEVER
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    truncated: bool = False


class InventoryCheck(Check, frozen=True, kw_only=True):
    """What the check of an inventory found: names only, and whether hosts answer."""

    groups: tuple[CheckedGroup, ...] = ()
    hosts: tuple[CheckedHost, ...] = ()


class RepositoryCheck(Check, frozen=True, kw_only=True):
    """What the check of a repository found; *commit* is that of its branch."""

    commit: str | None = None
    branches: tuple[str, ...] = ()
    playbooks: tuple[str, ...] = ()


#: What a check found.
CheckResult: TypeAlias = InventoryCheck | RepositoryCheck
