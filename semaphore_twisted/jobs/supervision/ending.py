"""The end of a job: its status, its reason, and its last lines."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.specification import ReadStep


def drop(data: bytes) -> None:
    """Discard output."""


class Ending(Exception):
    """The end of the job, with its status and reason."""

    def __init__(
        self,
        status: str,
        reason: str = "",
        *,
        step: str = "",
        exit_status: int | None = None,
        signal: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.step = step
        self.exit_status = exit_status
        self.signal = signal
        #: Withheld output with its log, and lines, to log before the reason.
        self.kept = bytearray()
        self.log: Callable[[bytes], None] = drop
        self.lines: list[str] = []
        #: The last line of the log.
        self.last = reason


def failed(
    step: ReadStep,
    detail: str,
    *,
    exit_status: int | None = None,
    signal: int | None = None,
) -> Ending:
    """Return the ending for a step that failed."""
    reason = last = f"Running {step.name} failed: {detail}"
    if step.failure is not None:
        reason = f"{step.failure} (step {step.name}: {detail})"
    ending = Ending(
        "error", reason, step=step.name, exit_status=exit_status, signal=signal
    )
    ending.lines = [step.failure] if step.failure is not None else []
    ending.last = last
    return ending
