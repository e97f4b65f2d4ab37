"""The output of a step on its way into the journal."""

from __future__ import annotations

from semaphore_twisted.jobs.supervision.reports import Reports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from semaphore_twisted.jobs.supervision.journal import Journal
    from semaphore_twisted.jobs.supervision.masker import Masker
    from semaphore_twisted.jobs.supervision.specification import ReadStep


class StepLog:
    """Logs masked output, takes out reports, and remembers remarks about it."""

    def __init__(
        self, step: ReadStep, *, mark: str, masker: Masker, journal: Journal
    ) -> None:
        self._journal = journal
        self._remarks = dict(step.remarks)
        self._found: list[str] = []
        self._reports = None
        if step.reports is not None:
            self._reports = Reports(mark, masker, journal.report)

    def write(self, data: bytes) -> None:
        """Log *data*; empty *data* is the end of the output."""
        if self._reports is None:
            self._write(data)
        else:
            self._reports.pass_on(data, self._write)

    def _write(self, data: bytes) -> None:
        self._journal.output(data, self)
        found = [each for each in self._remarks if each.encode() in data]
        self._found.extend(self._remarks.pop(each) for each in found)

    def conclude(self) -> None:
        """Log the remarks: the step has ended."""
        if self._reports is not None:
            self._reports.finish()
        for sentence in self._found:
            self._journal.note(sentence)
        self._found.clear()
