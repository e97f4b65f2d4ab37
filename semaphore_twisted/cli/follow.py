"""Merges a task's log from two sources: the websocket and the API.

The websocket is fast but may miss lines (it opened late, it broke, it was slow); the
API has every line, with its number. Lines are passed on once, in order, without a gap:
an early line waits until the missing ones are fetched.
"""

from collections.abc import Callable
from typing import Any

from attrs import define, field

#: Final statuses, and the exit code of a command that followed the task.
EXIT_CODES = {"success": 0, "error": 1, "stopped": 3}


@define(eq=False)
class LogMerger:
    """The lines of one task: *show* is called with each, once and in order."""

    show: Callable[[str], None]
    last: int = 0
    _early: dict[int, str] = field(factory=dict)

    def take(self, number: int, text: str) -> None:
        """Add line *number* from either source."""
        if number <= self.last:
            return
        self._early[number] = text
        while (following := self._early.pop(self.last + 1, None)) is not None:
            self.last += 1
            self.show(following)

    @property
    def incomplete(self) -> bool:
        """Whether lines before a known one are missing."""
        return bool(self._early)


@define(eq=False)
class TaskNews:
    """The state of one task according to the websocket."""

    task_id: int
    log: LogMerger
    status: str = ""

    def take(self, message: dict[str, Any]) -> None:
        """Process a message; messages about other tasks are ignored."""
        if message.get("task_id") != self.task_id:
            return
        if message.get("type") == "log":
            number = message.get("id")
            if isinstance(number, int):
                self.log.take(number, str(message.get("output", "")))
        elif message.get("type") == "update":
            self.status = str(message.get("status", ""))

    @property
    def final(self) -> bool:
        """Whether the task has ended."""
        return self.status in EXIT_CODES
