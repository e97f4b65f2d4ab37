"""Runs one job, and outlives the server that started it.

Started as ``python -I -S -X utf8 …/supervisor.py`` by path, with a JSON
``JobSpecification`` on standard input. Standard library only: no site, no third-party
package, and up within some 20 ms. Its parts are in ``supervision``, apart from this
file since Python keeps only imported modules compiled.

What others may rely on:

- It leads a session of its own, ignores SIGHUP and SIGINT, and stops the job at
  SIGTERM. It is the parent of every process of the job that lost its own.
- It holds ``flock`` on ``SPOOL/lock`` (handed down as descriptor 3, or taken) while it
  lives. That, and never a process number, says that a job is alive.
- ``SPOOL/output`` only grows, by whole records (``supervision.records``), with secrets
  masked. ``SPOOL/control`` is a socket (``supervision.control``).
- ``SPOOL/result`` comes at once and for good: no process of the job is left then, its
  output is complete, and its workspace is gone, but for what has no secret of the
  specification in a large one.
- Each process of the job has ``JOB_MARK`` in its environment, and each step's first
  process dies with the supervisor.
"""

import importlib
import sys

_LEVELS = 3


def main() -> None:
    """Make this package importable, nothing before the standard library, and run."""
    sys.path.append(__file__.rsplit("/", _LEVELS)[0])
    importlib.import_module("semaphore_twisted.jobs.supervision.program").run()


if __name__ == "__main__":
    main()
