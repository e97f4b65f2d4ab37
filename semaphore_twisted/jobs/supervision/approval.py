"""The approval of a plan: an order that only the server can give.

The orders are ``confirm TOKEN`` and ``reject TOKEN``. The token is chosen when the
approval is asked for, after every other process of the job has ended, and is only in
the spool. So no process of the job can approve its own plan, not even with an order
that it sent before.
"""

from __future__ import annotations

import os
import time

from semaphore_twisted.jobs.supervision.ending import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.event_loop import EventLoop
    from semaphore_twisted.jobs.supervision.journal import Journal
    from semaphore_twisted.jobs.supervision.specification import ReadStep


#: Seconds between two attempts to write on a full disk.
_AGAIN = 1.0


class Approval:
    """The approval that a job may wait for."""

    def __init__(self, loop: EventLoop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._token = ""
        #: ``confirm`` or ``reject`` once it is decided; the first decision counts.
        self._decision = ""

    def order(self, order: str) -> None:
        """Take *order* as the decision if it is one."""
        verb, _, token = order.partition(" ")
        if verb not in {"confirm", "reject"} or not self._token:
            return
        if token == self._token and not self._decision:
            self._decision = verb

    def wait(
        self, step: ReadStep, seconds: float, *, check: Callable[[], None]
    ) -> None:
        """Ask for the approval, and wait up to *seconds* for it.

        *check* is called for each event, and raises the ending of a stopped job.

        :raises Ending: if it is rejected, or not approved in time.
        """
        self._journal.step(step.name)
        self._journal.note(f"Waiting up to {span(seconds)} for an approval")
        self._token = os.urandom(16).hex()
        until = time.time() + seconds
        end = time.monotonic() + seconds
        asked = False
        while not self._decision:
            check()
            # on a full disk again, until the server can read of it
            asked = asked or self._journal.approval(token=self._token, until=until)
            if (left := end - time.monotonic()) <= 0:
                sentence = f"The plan was not approved within {span(seconds)}"
                raise Ending("error", sentence, step=step.name)
            self._loop.run_once(min(left, 3600.0 if asked else _AGAIN))
        if self._decision == "reject":
            raise Ending("error", "The plan was rejected", step=step.name)
        self._journal.approval(passed=True)


def span(seconds: float) -> str:
    """Return a time of waiting for a sentence, such as ``24 hours``."""
    for name, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {name}" + ("s" if count > 1 else "")
    return f"{seconds:g} seconds"
