"""The plan of a Terraform task, as people review it.

``model.plan_summary`` makes it of the output of ``terraform show -json``.
"""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from semaphore_twisted.model.ids import UserId

#: What happens to a resource or an output, the most dangerous first. ``replace``
#: destroys and creates, ``forget`` takes it out of the state without destroying it,
#: ``import`` and ``move`` change the state only, ``read`` reads a data source, and
#: ``other`` is an action that is not known.
PlanAction: TypeAlias = Literal[
    "delete", "replace", "other", "update", "forget", "create", "import", "move", "read"
]


class PlanAttribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute that changes; *path* is such as ``rule[3].source_ips``.

    *before* and *after* are JSON. They are null for a value that does not exist, that
    is sensitive, or that is not known before the plan is applied.
    """

    path: str
    before: str | None = None
    after: str | None = None
    sensitive: bool = False
    #: whether the value after the change is not known before it
    unknown: bool = False
    #: whether this change is a reason to replace the resource
    forces: bool = False
    #: whether a value is cut, and no valid JSON any more
    shortened: bool = False


class PlanChange(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that changes.

    *reason* is Terraform's word for why it is deleted or replaced, such as
    ``delete_because_no_resource_config``; empty if it gives none.
    """

    address: str
    type: str
    action: PlanAction
    reason: str = ""
    #: the address that it had before; empty if it is the same
    previous_address: str = ""
    #: whether the resource exists already, and is added to the state
    imported: bool = False
    attributes: tuple[PlanAttribute, ...] = ()
    #: the number of attributes that do not change
    unchanged: int = 0
    #: the number of attributes that change, and exceed a limit of this list
    omitted: int = 0


class PlanOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output that changes; its values are as those of an attribute."""

    name: str
    action: PlanAction
    before: str | None = None
    after: str | None = None
    sensitive: bool = False
    unknown: bool = False
    shortened: bool = False


class PlanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that a plan makes, the most dangerous first.

    The figures are Terraform's: a replaced resource is one to add and one to destroy.
    """

    add: int = 0
    change: int = 0
    destroy: int = 0
    #: resources that stay as they are
    unchanged: int = 0
    #: the serial number of the state that the plan starts from, if this server keeps
    #: the state; 0 if there was none yet
    serial: int | None = None
    #: whether the code has a backend of its own, so that this server keeps no state
    own_backend: bool = False
    #: whether everything that the plan does is in this list
    complete: bool = True
    #: why it is not complete, in sentences; empty if it is
    problem: str = ""
    changes: tuple[PlanChange, ...] = ()
    outputs: tuple[PlanOutput, ...] = ()


class PlanDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The approval or rejection of a plan; *user_id* is null for a deleted account."""

    approved: bool
    user_id: UserId | None
    user_name: str
    at: datetime
    comment: str = ""


class TaskPlan(PlanSummary, frozen=True, kw_only=True):
    """The plan of a task, and the decision about it; null while there is none.

    *moved_to* is the serial number that the state has now, if it is not that of the
    plan: the plan cannot be applied any more. *until* is when a task that waits fails
    without a decision. Both are null otherwise, and once the plan is decided about.
    """

    decision: PlanDecision | None = None
    moved_to: int | None = None
    until: datetime | None = None
