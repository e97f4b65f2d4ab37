"""A flood of pings, with their losses."""

import itertools
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from attrs import frozen

from tests.support.lab_machine import Machine

_REPLY = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)", re.MULTILINE)
_SENT = re.compile(r"^(\d+) packets transmitted", re.MULTILINE)


@frozen
class Loss:
    """The number of pings, the answered sequence numbers, and the times of answers."""

    sent: int
    replies: tuple[tuple[float, int], ...]

    @property
    def lost(self) -> int:
        """The number without an answer, except for the last two, still on their way."""
        answered = {number for _, number in self.replies}
        return sum(number not in answered for number in range(1, self.sent - 1))

    @property
    def last(self) -> float:
        """The time of the last answer in seconds since the epoch, 0 without one."""
        return max((when for when, _ in self.replies), default=0.0)

    def gap(self, begin: float) -> float:
        """Return the longest time without an answer after *begin*."""
        times = [begin, *(when for when, _ in self.replies if when > begin)]
        pairs = itertools.pairwise(times)
        return max((after - before for before, after in pairs), default=0.0)


class Flood:
    """Pings from *machine* to *address*, one each *interval* seconds."""

    def __init__(self, machine: Machine, address: str, interval: float = 0.02) -> None:
        """Start; sequence numbers begin with 1."""
        self._log = machine.folder / f"ping-{time.monotonic_ns()}"
        self._process = machine.start(
            *("ping", "-n", "-D", "-i", str(interval), address), log=self._log.name
        )

    @property
    def _text(self) -> str:
        path = Path(f"{self._log}.log")
        return path.read_text() if path.exists() else ""

    def replies(self) -> tuple[tuple[float, int], ...]:
        """Return the time and the sequence number of each answer so far."""
        return tuple(
            (float(when), int(number)) for when, number in _REPLY.findall(self._text)
        )

    def wait(self, count: int = 1, seconds: float = 10) -> Self:
        """Wait for *count* more answers."""
        wanted = len(self.replies()) + count
        deadline = time.monotonic() + seconds
        while len(self.replies()) < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"no answer in {seconds} s: {self._text[-500:]}")
            time.sleep(0.01)
        return self

    def stop(self) -> Loss:
        """End the flood and return its losses."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        text = self._text
        found = _SENT.search(text)
        if found is None:
            raise AssertionError(f"ping said: {text[-500:]}")
        return Loss(int(found[1]), self.replies())
