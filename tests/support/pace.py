"""Measures the current speed of this machine, for tests of time limits."""

import os
import time


def in_time(took: float, seconds: float) -> None:
    """Check that *took* is below *seconds*, adjusted to the load of the machine.

    *seconds* applies to an idle machine. If it is exceeded, the limit is doubled and
    multiplied by the current slowdown, since a disk or another process may be slow for
    a moment. The test must find only delays that are many times longer, or endless.

    :raises AssertionError: if the adjusted limit is exceeded.
    """
    if took < seconds:
        return
    limit = 2 * seconds * crowd()
    if took >= limit:
        raise AssertionError(f"{took:.2f} s, {seconds} s wanted ({limit:.2f} s busy)")


def crowd(seconds: float = 0.1) -> float:
    """Return how much the machine's other work slows it down; 1 if idle.

    Time limits assume that all cores are idle, so all of them are measured.
    """
    began = time.monotonic()
    others = []
    for _ in range((os.cpu_count() or 1) - 1):
        child = os.fork()
        if child == 0:
            _burn(seconds)
            os._exit(0)
        others.append(child)
    _burn(seconds)
    for child in others:
        os.waitpid(child, 0)
    return max(1.0, (time.monotonic() - began) / seconds)


def _burn(seconds: float) -> None:
    """Use the processor for *seconds*."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
