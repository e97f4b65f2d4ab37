"""User ids for jobs: no two jobs have the same one at the same time.

An id is in use while a spool names it, so it stays reserved across a restart of the
server: the spool stays until its job has ended, its workspace is removed and its output
is stored. An id is also in use while any process of the machine has it, or a workspace
belongs to it.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

import msgspec
from attrs import frozen

#: The file of a spool that names the user of its job.
REMAINS = "job"


class _Named(msgspec.Struct, frozen=True):
    """The fields of a spool's file that matter here."""

    uid: int | None = None


_DECODER = msgspec.json.Decoder(_Named)


@frozen
class Identities:
    """Allocates user ids of a range to jobs."""

    uids: range
    spools: Path
    workspaces: Path
    #: The group id of all jobs; ``None`` means the same number as the user id.
    gid: int | None = None

    def free(self) -> tuple[int, int]:
        """Return a free user id and the group id for one more job.

        The id is free until a spool names it; call this without concurrency in between.

        :raises OSError: if no id is free (``EAGAIN``), or a spool is unreadable.
        """
        used = self._named() | _owners(self.workspaces) | _running()
        for uid in self.uids:
            if uid not in used:
                return uid, uid if self.gid is None else self.gid
        sentence = (
            f"process.uid_range: all {len(self.uids)} numbers are in use by jobs or"
            " other processes"
        )
        raise OSError(errno.EAGAIN, sentence)

    def _named(self) -> set[int]:
        """Return the user ids that spools name."""
        uids = set()
        for place in self.spools.glob(f"*/{REMAINS}"):
            try:
                named = _DECODER.decode(place.read_bytes())
            except FileNotFoundError:
                continue  # just removed
            except msgspec.DecodeError:
                continue  # cut off by a crash: its job was never started
            if named.uid is not None:
                uids.add(named.uid)
        return uids


def _running() -> set[int]:
    """Return the user ids of all processes."""
    uids: set[int] = set()
    with os.scandir("/proc") as entries:
        for entry in entries:
            # The owner of the directory would be root if the process is not dumpable.
            with suppress(OSError):  # the process has ended
                if entry.name.isdigit():
                    status = Path(entry.path, "status").read_bytes()
                    line = status.partition(b"\nUid:")[2].partition(b"\n")[0]
                    uids.update(map(int, line.split()))
    return uids


def _owners(folder: Path) -> set[int]:
    """Return the user ids that own an entry of *folder*."""
    owners = set()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                owners.add(entry.stat(follow_symlinks=False).st_uid)
    return owners
