"""Runs one job, and outlives the server that started it.

Started as ``python -I -S -X utf8 …/supervisor.py`` by path, with a JSON
``JobSpecification`` on standard input. It uses the standard library only, without site
or third-party packages, and starts within some 20 ms. Its parts are in ``supervision``,
separate from this file, since Python caches the compiled code of imported modules only.

Guarantees for other programs:

- It leads its own session, ignores SIGHUP and SIGINT, and stops the job at SIGTERM. It
  becomes the parent of every process of the job whose parent has ended.
- It holds ``flock`` on ``SPOOL/lock`` (passed on as descriptor 3, or taken) as long as
  it lives. This lock, and never a process id, tells whether a job is alive.
- ``SPOOL/output`` only grows, by whole records (``supervision.records``), with secrets
  masked. ``SPOOL/control`` is a socket (``supervision.control``).
- ``SPOOL/result`` is written once and atomically: by then no process of the job is
  left, its output is complete, and its workspace is removed. In a large workspace,
  files without secrets of the specification may be removed later.
- Each process of the job has ``JOB_MARK`` in its environment. If the supervisor
  vanishes, each step's first process is killed; one with patience is interrupted.
"""

import importlib
import sys

_LEVELS = 3


def main() -> None:
    """Make this package importable, after the standard library, and run."""
    sys.path.append(__file__.rsplit("/", _LEVELS)[0])
    importlib.import_module("semaphore_twisted.jobs.supervision.program").run()


if __name__ == "__main__":
    main()
