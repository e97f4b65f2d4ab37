"""Starts the relay of a job's state.

Started as ``python -I -S …/state_relay.py PORT SERVER READY JOB`` by path. What it does
is in ``supervision.state_relay``: Python caches the compiled code of imported modules.
"""

import importlib
import sys

_LEVELS = 3


def main() -> None:
    """Make this package importable, after the standard library, and run."""
    sys.path.append(__file__.rsplit("/", _LEVELS)[0])
    name = "semaphore_twisted.jobs.supervision.state_relay"
    importlib.import_module(name).main(sys.argv)


if __name__ == "__main__":
    main()
