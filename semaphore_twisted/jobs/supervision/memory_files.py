"""Files in memory that one step of a job writes and later steps read.

Such a file has no name that a process of the job could open after the step. It is
sealed before another step reads it, so nothing can change what was written: the kernel
refuses that to every process, also to its owner (``memfd_create(2)``, file sealing).
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from semaphore_twisted.jobs.supervision.child import ProcessUser
    from semaphore_twisted.jobs.supervision.specification import ReadStep

_SEALS = (
    fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
)

#: Bytes of a file that are kept while the job waits.
LONGEST_FILE = 256 << 20


class Unsealed(Exception):
    """A file cannot be used; the text is a sentence for a person."""


class MemoryFiles:
    """The files in memory of a job, by their names."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}

    def of_step(self, step: ReadStep, user: ProcessUser | None) -> dict[str, int]:
        """Return the descriptors of the files that *step* writes or reads.

        A file that it writes is made, and belongs to *user*.
        """
        if step.writes is not None:
            number = os.memfd_create(step.writes, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            self._files[step.writes] = number
            os.fchmod(number, 0o600)
            if user is not None:
                os.fchown(number, user.uid, user.gid)
        names = (step.writes, step.reads)
        return {name: self._files[name] for name in names if name is not None}

    def seal(self, name: str) -> None:
        """Make the content of the file *name* final.

        :raises Unsealed: if it is empty or too long, or a process has it in its memory.
        """
        number = self._files[name]
        try:
            fcntl.fcntl(number, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            raise Unsealed(f"its {name} cannot be sealed: {error.strerror}") from error
        size = os.fstat(number).st_size
        if size == 0:
            raise Unsealed(f"it wrote no {name}")
        if size > LONGEST_FILE:
            raise Unsealed(
                f"its {name} has {size} bytes, and at most {LONGEST_FILE} are kept"
            )
