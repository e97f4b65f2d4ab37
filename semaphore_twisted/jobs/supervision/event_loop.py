"""The event loop: waits for signals, orders, output, input and timeouts at once."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from semaphore_twisted.jobs.supervision.control import Control
from semaphore_twisted.jobs.supervision.masker import MaskedStream, Masker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_READ = 64 * 1024
#: More reads than a full pipe needs (1 MiB).
_PIPE_READS = 32
#: Seconds after which an incomplete line is shown.
_OVERDUE = 2.0
#: Seconds of delay after small reads, so that several lines are read together.
_TOGETHER = 0.003
_SMALL = 16 * 1024


class Stream:
    """An output of a program, and the function that receives it.

    The function is called with masked bytes, and with none at the end of the output.
    """

    def __init__(self, masker: Masker, sink: Callable[[bytes], None]) -> None:
        self.masked = MaskedStream(masker)
        self.sink = sink
        #: When the oldest byte that is held back arrived; on the monotonic clock.
        self.since = 0.0

    def drain(self) -> None:
        """Give the sink the part of an unfinished line that cannot begin a secret."""
        if part := self.masked.overdue():
            self.sink(part)


class EventLoop:
    """The supervisor's event loop, with the exit statuses of its children."""

    def __init__(self) -> None:
        self._streams: dict[int, Stream] = {}
        self._feeds: dict[int, memoryview] = {}
        #: Exit statuses (from ``waitpid``) of expected children that ended.
        self.ended: dict[int, int] = {}
        self._expected: set[int] = set()
        #: The control socket, once there is one.
        self.control: Control | None = None
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._last = 0.0

    def watch(self, descriptor: int, stream: Stream) -> None:
        """Read *descriptor* into *stream* until its end."""
        self._streams[descriptor] = stream

    def feed(self, descriptor: int, content: memoryview) -> None:
        """Write *content* into *descriptor* as far as it has room, then close it."""
        self._feeds[descriptor] = content
        self._write(descriptor)

    def track(self, pid: int) -> None:
        """Keep the exit status of *pid*, a child that was just started."""
        self._expected.add(pid)

    def open(self, descriptors: list[int]) -> bool:
        """Whether one of *descriptors* is still read."""
        return any(descriptor in self._streams for descriptor in descriptors)

    def redirect(self, descriptors: list[int], sink: Callable[[bytes], None]) -> None:
        """Pass the output of *descriptors* to *sink* from now on."""
        for descriptor in descriptors:
            if descriptor in self._streams:
                self._streams[descriptor].sink = sink

    def notify(self) -> None:
        """Announce new output to every server."""
        if self.control is not None:
            self.control.tell()

    def drain(self, descriptors: list[int]) -> None:
        """Read the rest of *descriptors* and pass it on: their program has ended."""
        for descriptor in descriptors:
            left = _PIPE_READS
            while left and descriptor in self._streams and self._read(descriptor):
                left -= 1
            if (stream := self._streams.get(descriptor)) is not None:
                stream.drain()

    def close_streams(self) -> None:
        """Read the rest of every stream, and close all streams and inputs."""
        for descriptor in list(self._streams):
            while descriptor in self._streams and self._read(descriptor):
                pass
            if descriptor in self._streams:
                self._end(descriptor)
        for descriptor in list(self._feeds):
            self._end_feed(descriptor)

    def run_once(self, timeout: float) -> None:
        """Wait up to *timeout* seconds for events, and handle all of them."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for descriptor in self._streams:
            poll.register(descriptor, select.POLLIN)
        for descriptor in self._feeds:
            poll.register(descriptor, select.POLLOUT)
        if self.control is not None:
            for descriptor in self.control.descriptors():
                poll.register(descriptor, select.POLLIN)
        for stream in self._streams.values():
            if stream.masked.holding:
                left = stream.since + _OVERDUE - time.monotonic()
                timeout = min(timeout, left)
        for descriptor, _ in poll.poll(max(0, timeout) * 1000):
            self._ready(descriptor)
        now = time.monotonic()
        for stream in self._streams.values():
            if stream.masked.holding and now >= stream.since + _OVERDUE:
                stream.since = now
                stream.drain()

    def _ready(self, descriptor: int) -> None:
        if descriptor == self._wake:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._wake, 4096):
                    pass
            self.reap()
        elif descriptor in self._streams:
            now = time.monotonic()
            if self._read(descriptor) < _SMALL and now - self._last < 2 * _TOGETHER:
                time.sleep(_TOGETHER)
            self._last = now
        elif descriptor in self._feeds:
            self._write(descriptor)
        elif self.control is not None:
            self.control.readable(descriptor)

    def reap(self) -> None:
        """Collect the children that have ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                # Other children are orphans of the job; their ids may be reused.
                if pid in self._expected:
                    self._expected.discard(pid)
                    self.ended[pid] = status

    def _read(self, descriptor: int) -> int:
        """Read once; return the number of bytes."""
        stream = self._streams[descriptor]
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return 0
        if not data:
            self._end(descriptor)
            return 0
        holding = stream.masked.holding
        shown = stream.masked.feed(data)
        if shown or not holding:
            stream.since = time.monotonic()
        if shown:
            stream.sink(shown)
        return len(data)

    def _end(self, descriptor: int) -> None:
        stream = self._streams.pop(descriptor)
        os.close(descriptor)
        if rest := stream.masked.close():
            stream.sink(rest)
        stream.sink(b"")

    def _write(self, descriptor: int) -> None:
        try:
            content = self._feeds[descriptor]
            while content:
                content = content[os.write(descriptor, content) :]
                self._feeds[descriptor] = content
        except BlockingIOError:
            return
        except OSError:
            # The program has closed its input.
            pass
        self._end_feed(descriptor)

    def _end_feed(self, descriptor: int) -> None:
        del self._feeds[descriptor]
        os.close(descriptor)
