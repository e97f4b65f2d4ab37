"""The companion's directory: its settings and the server's private key, for root.

Files are replaced atomically, so readers see the old or the new ones;
:class:`FileTransaction` restores the old ones if a later step fails.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from semaphore_twisted.common import atomic_file
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.start import state
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.wireguard import settings
from semaphore_twisted.wireguard.settings import TunnelSettings, WrongSettings

#: The companion's default directory, and its account.
FOLDER = Path("/etc/semaphore-vpn")
ACCOUNT = "semaphore-vpn"

_ROOT = "run this as root: the companion's files are out of the server's reach"


@frozen
class CompanionDirectory:
    """The directory of the files, and their owner."""

    path: Path
    owner: tuple[int, int] | None

    @classmethod
    def named(cls, path: Path | None) -> "CompanionDirectory":
        """Return the directory at *path*, or the default one.

        :raises CommandError: if it is the default one and the caller is not root
        """
        if os.geteuid() == 0:
            return cls(path or FOLDER, _account())
        if path is None or path == FOLDER:
            raise CommandError(_ROOT)
        return cls(path, None)

    @property
    def settings_file(self) -> Path:
        """The companion's settings."""
        return self.path / settings.FILE

    @property
    def key_file(self) -> Path:
        """The server's private key."""
        return self.path / settings.KEY

    def settings(self) -> TunnelSettings | None:
        """Return the stored settings, ``None`` if there are none.

        :raises CommandError: if they cannot be read or used
        """
        content = self.content(self.settings_file)
        if content is None:
            return None
        try:
            return settings.load(content)
        except WrongSettings as error:
            raise CommandError(f"{self.settings_file}: {error}") from None

    def key(self) -> str | None:
        """Return the server's private key in base64, ``None`` if there is none.

        :raises CommandError: if it cannot be read
        """
        content = self.content(self.key_file)
        return None if content is None else content.decode("ascii", "replace").strip()

    def content(self, path: Path) -> bytes | None:
        """Return the content of *path*, ``None`` if it does not exist.

        :raises CommandError: if it cannot be read
        """
        try:
            # Root does not follow a link that another account could have created.
            return content_of(path, 1 << 20, links=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            hint = f"; {_ROOT}" if isinstance(error, PermissionError) else ""
            raise CommandError(f"{path}: {error.strerror}{hint}") from error

    @contextmanager
    def exchange(self) -> Iterator["FileTransaction"]:
        """Write files; if the block fails, the former ones are restored."""
        exchange = FileTransaction(self)
        try:
            yield exchange
        except BaseException:
            exchange.back()
            raise

    def put(self, path: Path, content: bytes) -> None:
        """Write *content* to *path* atomically, 0600 and owned by the companion.

        :raises CommandError: if the system does not permit it
        """
        try:
            state.make_folder(self.path, 0o750)
            if self.owner is not None:
                os.chown(self.path, *self.owner)
            atomic_file.write(path, content, owner=self.owner)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error


@define(eq=False)
class FileTransaction:
    """The written files and their former contents."""

    _folder: CompanionDirectory
    _former: list[tuple[Path, bytes | None]] = field(factory=list, repr=False)

    def settings(self, wanted: TunnelSettings) -> None:
        """Write the settings."""
        self._put(self._folder.settings_file, settings.dump(wanted))

    def key(self, text: str) -> None:
        """Write the private key."""
        self._put(self._folder.key_file, f"{text}\n".encode())

    def back(self) -> None:
        """Restore the former content of each file."""
        for path, content in reversed(self._former):
            if content is None:
                path.unlink(missing_ok=True)
            else:
                self._folder.put(path, content)
        self._former.clear()

    def _put(self, path: Path, content: bytes) -> None:
        self._former.append((path, self._folder.content(path)))
        self._folder.put(path, content)


def _account() -> tuple[int, int]:
    """Return user and group of the companion, root's if it has no account."""
    try:
        found = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return 0, 0
    return found.pw_uid, found.pw_gid
