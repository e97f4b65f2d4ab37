"""A program that replaces itself by another one, without ambient capabilities.

Its arguments are the path and the arguments of the other one. ``setpriv`` would do the
same by ``capset``, which the system calls of the companion's unit do not include.
"""

import os
import sys

from semaphore_twisted.common import prctl


def main() -> None:
    """Give up the capabilities, and execute the program."""
    prctl.prctl(prctl.AMBIENT, prctl.AMBIENT_CLEAR_ALL)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is needed


if __name__ == "__main__":
    main()
