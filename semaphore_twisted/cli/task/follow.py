"""Merges a task's log from two sources: the websocket and the API.

The websocket is fast but may miss lines (it opened late, it broke, it was slow); the
API has every line, with its number. Lines are passed on once, in order, without a gap:
an early line waits until the missing ones are fetched.
The beginning of a line that has not ended comes from the websocket and is passed on
immediately, its rest later.
"""

from collections.abc import Callable

from attrs import define, field

#: Final statuses, and the exit code of a command that followed the task.
EXIT_CODES = {"success": 0, "error": 1, "stopped": 3}


@define(eq=False)
class LogMerger:
    """The lines of one task: *show* is called with each, once and in order.

    *begin* is called with each piece of a line that has not ended; then *show* is
    called with the rest of this line only.
    """

    show: Callable[[str], None]
    begin: Callable[[str], None]
    last: int = 0
    _early: dict[int, str] = field(factory=dict)
    #: the line that has not ended: its number, and its text so far
    _begun: tuple[int, str] = (0, "")
    #: the text of the line after the last one that was shown already
    _shown: str = ""
    #: the highest number that came
    _highest: int = 0

    def take(
        self, number: int, text: str, offset: int = 0, *, partial: bool = False
    ) -> None:
        """Add line *number* from either source.

        *offset* characters of the line came before *text*; if it is *partial*, more of
        the line comes later.
        """
        if number <= self.last:
            return
        self._highest = max(self._highest, number)
        before = self._begun[1] if self._begun[0] == number else ""
        if offset > len(before):
            return
        text = before[:offset] + text
        if partial:
            self._begun = number, text
        else:
            self._early[number] = text
        while (following := self._early.pop(self.last + 1, None)) is not None:
            self.last += 1
            self.show(self._rest(following))
            self._shown = ""
        if self._begun[0] == self.last + 1 and (rest := self._rest(self._begun[1])):
            self.begin(rest)
            self._shown += rest

    def _rest(self, text: str) -> str:
        """Return the part of *text* that was not shown; it is the next line."""
        if text.startswith(self._shown):
            return text.removeprefix(self._shown)
        self.show("")
        self._shown = ""
        return text

    @property
    def incomplete(self) -> bool:
        """Whether lines before a known one, or parts of it, are missing."""
        return self._highest > self.last + (self._begun[0] == self.last + 1)


@define(eq=False)
class TaskProgress:
    """The state of one task according to the websocket."""

    task_id: int
    log: LogMerger
    status: str = ""

    def take(self, message: dict[str, object]) -> None:
        """Process a message; messages about other tasks are ignored."""
        if message.get("task_id") != self.task_id:
            return
        if message.get("type") == "log":
            number = message.get("id")
            if isinstance(number, int):
                self.log.take(
                    number,
                    str(message.get("output", "")),
                    int(str(message.get("offset", 0))),
                    partial=bool(message.get("partial", False)),
                )
        elif message.get("type") == "update":
            self.status = str(message.get("status", ""))

    @property
    def final(self) -> bool:
        """Whether the task has ended."""
        return self.status in EXIT_CODES
