"""Watches files that other programs replace, and reports changes once they settle.

Directories are watched, not files, since files are replaced: certbot makes a link point
to another file, Kubernetes makes one point to another directory. Each directory that
contains a link or a component of the path is watched. Without notifications (no
inotify, a network file system) the caller's periodic checks must suffice.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.filepath import FilePath

#: Seconds without changes until they are reported, and the maximum delay.
REST, LATEST = 2.0, 10.0

#: Maximum number of links on the way to a file, as in Linux (path_resolution(7)).
_MOST_LINKS = 40


def folders(path: Path) -> set[Path]:
    """Return the directories in which a change can make *path* another file.

    For a missing file it is the deepest directory that exists.
    """
    found: set[Path] = set()
    todo = Path(os.path.abspath(path))  # noqa: PTH100 - without following links
    for _ in range(_MOST_LINKS):
        at = Path(todo.anchor)
        parts = todo.parts[1:]
        for place, part in enumerate(parts):
            here = at / part
            if here.is_symlink():
                found.add(at)
                target = at.joinpath(here.readlink(), *parts[place + 1 :])
                todo = Path(os.path.normpath(target))
                break
            if place == len(parts) - 1 or not here.is_dir():
                found.add(at)
                return found
            at = here
        else:
            return found
    return found


class FileWatch:
    """Calls back when one of *paths* may have been replaced."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        paths: Iterable[Path],
        changed: Callable[[], object],
        *,
        reactor: IReactorTime,
    ) -> None:
        """Call *changed* once for many changes; *reactor* provides inotify and time."""
        self._paths = tuple(paths)
        self._changed = changed
        self._reactor = reactor
        self._notifier: Any = None
        self._timer: IDelayedCall | None = None
        self._latest = 0.0

    def arm(self) -> None:
        """Watch the current directories instead of the former ones."""
        self.disarm()
        if sys.platform != "linux":
            return
        try:
            from twisted.internet import inotify  # noqa: PLC0415
        except ImportError:
            return  # the periodic checks must suffice

        mask = (
            inotify.IN_CLOSE_WRITE
            | inotify.IN_MOVED_TO
            | inotify.IN_CREATE
            | inotify.IN_DELETE
            | inotify.IN_ATTRIB
            | inotify.IN_MOVE_SELF
            | inotify.IN_DELETE_SELF
        )
        try:
            notifier = inotify.INotify(self._reactor)
        except inotify.INotifyError as error:
            self._log.info(
                "Changes of files are not reported: {error}", error=str(error)
            )
            return
        self._notifier = notifier
        notifier.startReading()
        for path in self._paths:
            try:
                for folder in sorted(folders(path)):
                    file_path = FilePath(str(folder))
                    notifier.watch(file_path, mask, callbacks=[self._seen])
            except (OSError, inotify.INotifyError):
                continue  # gone or unreadable: the periodic checks must suffice

    def disarm(self) -> None:
        """Stop watching."""
        notifier, self._notifier = self._notifier, None
        if notifier is not None and notifier.connected:
            notifier.loseConnection()

    def stop(self) -> None:
        """Stop watching, and cancel a pending report."""
        self.disarm()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _seen(self, ignored: object, path: object, mask: int) -> None:
        del ignored, path, mask
        now = self._reactor.seconds()
        if self._timer is None:
            self._latest = now + LATEST
            self._timer = self._reactor.callLater(REST, self._tell)
        else:
            self._timer.reset(max(0.0, min(REST, self._latest - now)))

    def _tell(self) -> None:
        self._timer = None
        self.arm()  # links may have changed
        self._changed()
