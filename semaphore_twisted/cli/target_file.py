"""Files that a command is to write, and what they must not replace."""

import stat
from pathlib import Path

from semaphore_twisted.common.command_error import CommandError

#: Suffixes of files that SQLite may leave beside a database.
ENDS = ("-wal", "-shm", "-journal")


def check_target(target: Path, database: Path, *, force: bool) -> None:
    """Refuse a *target* that must not be replaced.

    That is the *database* itself under any name, a link, a device, a pipe, a directory,
    and without *force* any file that exists.

    :raises CommandError: with the reason
    """
    beside = [database, *(database.with_name(database.name + end) for end in ENDS)]
    place = target.parent.resolve() / target.name
    if place in {each.resolve() for each in beside}:
        raise CommandError(
            f"{target} belongs to the database itself; name another file"
        )
    try:
        status = target.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}") from error
    if stat.S_ISLNK(status.st_mode):
        raise CommandError(f"{target} is a symbolic link; name the file itself")
    if not stat.S_ISREG(status.st_mode):
        raise CommandError(f"{target} is not a regular file; name another file")
    if any(each.exists() and target.samefile(each) for each in beside):
        raise CommandError(f"{target} is the database itself; name another file")
    if not force:
        raise CommandError(f"{target} exists; --force replaces it")
