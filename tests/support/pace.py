"""How fast this machine is just now, for promises that are made in seconds."""

import os
import time


def in_time(took: float, seconds: float) -> None:
    """Check that something *took* less than so many *seconds*.

    They are those of an idle machine. What comes later is given twice the time that a
    machine as busy as this one needs, since a disk or a neighbour may be slow for a
    moment: what must not happen is that it takes many times as long, or for ever.

    :raises AssertionError: if it took longer.
    """
    if took < seconds:
        return
    limit = 2 * seconds * crowd()
    if took >= limit:
        raise AssertionError(f"{took:.2f} s, {seconds} s wanted ({limit:.2f} s busy)")


def crowd(seconds: float = 0.1) -> float:
    """Return how much slower this machine is for other work that it does; 1 if idle.

    Limits of time are for a machine that has all its cores to spare, so each is tried.
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
    """Use the processor for so long."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
