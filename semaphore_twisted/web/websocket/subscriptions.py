"""What the client of a websocket asked to be sent; pure."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.wording import sentence

_Logs = Annotated[frozenset[int], Meta(max_length=limits.WEBSOCKET_LOGS)]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages a client wants besides the states of tasks and of VPN peers.

    *logs* are the tasks whose lines are sent, ``None`` for all tasks. *changes* are
    messages about changed objects and the progress of runs. The default is what
    Semaphore sends.
    """

    logs: tuple[int, ...] | None = None  # a set would take three times the memory
    changes: bool = False

    def has_log_of(self, task_id: TaskId) -> bool:
        """Return whether the client wants the lines of the task."""
        return self.logs is None or task_id in self.logs


class _Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["subscribe"]
    logs: _Logs | None = None
    changes: bool = False


def asked(message: bytes) -> Subscription | None:
    """Return the subscription that a client's *message* asks for.

    Any message of another type is ignored, as Semaphore does: return ``None``.

    :raises Invalid: if the message is of the type ``subscribe`` and wrong
    """
    try:
        raw = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(raw, dict) or raw.get("type") != "subscribe":
        return None
    try:
        found = msgspec.convert(raw, _Subscribe)
    except msgspec.ValidationError as error:
        raise Invalid(sentence(error, _Subscribe, root="The message")) from None
    logs = None if found.logs is None else tuple(sorted(found.logs))
    return Subscription(logs=logs, changes=found.changes)
