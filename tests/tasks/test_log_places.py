"""The lines to which the reports of a run belong."""

import time

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.results import (
    HandlerBegun,
    HostFailed,
    JobEvent,
    PlayBegun,
    Report,
    RunEnded,
    StepBegun,
    TaskBegun,
)
from semaphore_twisted.tasks.log_places import LogPlaces

PLAY = PlayBegun(1, "web", 1)
BEGUN = TaskBegun(2, "nginx : install")
RED = "\x1b[0;31m"


def failed(host: str, *, ignored: bool = False) -> HostFailed:
    """Return the report of a failed task on *host*."""
    return HostFailed(2, host, "failed", ignored=ignored, message="no")


class PlacesTests(SynchronousTestCase):
    """Lines as ``default`` and other stdout plugins print them."""

    def setUp(self) -> None:
        """Start a log."""
        self.places = LogPlaces()

    def find(self, *given: str | StepBegun | Report) -> list[int]:
        """Return the lines of the events among lines of the log."""
        lines = [each for each in given if isinstance(each, str)]
        events: list[JobEvent] = []
        count = 0
        for each in given:
            if isinstance(each, str):
                count += 1
            else:
                events.append(JobEvent(count + 1, 1.0, each))
        return [each.line for each in self.places.found(lines, events)]

    def test_headers(self) -> None:
        """A play, a task and a handler begin at their header."""
        found = self.find(
            *("before", "", "PLAY [web] ****", PLAY, ""),
            *("TASK [nginx : install] ***", "task path: /x:3", BEGUN),
            *("ok: [web1]", "", f"{RED}RUNNING HANDLER [re  load] **"),
            HandlerBegun(3, "re load"),
        )
        self.assertEqual(found, [3, 5, 9])

    def test_without_a_header(self) -> None:
        """A section whose header comes later, or never, begins at the next line."""
        found = self.find(
            *("TASK [nginx : install] ***", BEGUN, "ok: [web1]"),
            *(TaskBegun(3, "other"), "TASK [other] ***", TaskBegun(4, "third")),
        )
        self.assertEqual(found, [1, 3, 4])

    def test_shortened_name(self) -> None:
        """The header of a shortened name is found."""
        found = self.find("", "TASK [" + "x" * 500 + "] *", TaskBegun(2, "x" * 9 + "…"))
        self.assertEqual(found, [2])

    def test_errors(self) -> None:
        """An error belongs to the first line of its host, also in a loop."""
        found = self.find(
            *(BEGUN, "fatal: [web10]: FAILED! => {}", failed("web10")),
            *(f"{RED}failed: [web1] (item=1) => {{}}", "failed: [web1 -> x] (item=2)"),
            *("fatal: [web1]: FAILED! => {", '"msg": "no"', "}", failed("web1")),
        )
        self.assertEqual(found, [1, 1, 2])

    def test_second_error_of_a_host(self) -> None:
        """The lines of an error are not those of the next one."""
        line = "fatal: [a]: FAILED! => {}"
        found = self.find(
            line, failed("a", ignored=True), "...ignoring", line, failed("a")
        )
        self.assertEqual(found, [1, 3])

    def test_other_plugins(self) -> None:
        """An error that is printed in another way is the line before its report."""
        self.assertEqual(self.find("x", "web1 | FAILED >> no", failed("web1")), [2])
        self.assertEqual(self.find(), [])

    def test_calls(self) -> None:
        """A line of an earlier call has a number of 0 or less."""
        self.assertEqual(self.find("a", "TASK [nginx : install] *"), [])
        self.assertEqual(self.find(BEGUN, "fatal: [a]: FAILED!"), [0])
        self.assertEqual(
            self.find(failed("a"), "x", StepBegun("s"), RunEnded(0)), [0, 2, 2]
        )

    def test_many_lines(self) -> None:
        """Lines far before an event are not kept."""
        self.find("TASK [nginx : install] *", *["x" * 10_000] * 1000)
        self.assertEqual(self.find(BEGUN), [1])
        self.assertLess(sum(map(len, self.places._last)), 200_000)

    def test_hostile_errors(self) -> None:
        """Many errors among lines full of colors do not occupy the reactor."""
        lines = ["\x1b[0m" * 150] * 200
        began = time.process_time()
        found = self.find(*lines, *[failed("a" * 390)] * 2_000)
        self.assertLess(time.process_time() - began, 1.5)
        self.assertEqual(found[limits.RESULT_ERRORS - 1], 200)
        self.assertEqual(found[limits.RESULT_ERRORS], 201)  # this one is not kept
