"""The files of one tunnel on a client: the profile, and its metadata.

- ``NAME.conf`` is read by ``wg-quick``; it contains this machine's private key.
- ``.NAME.joined`` records the profile's link, and this machine's name on the server.
- ``.NAME.pending`` has the key while a link is being redeemed, so that the request can
  be repeated with the same key after a lost response.

All have mode 0600. A profile comes from the server and ``wg-quick`` reads it as root,
so only the keys of profiles are accepted in it, and no commands.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from attrs import frozen
from typing_extensions import override

from semaphore_twisted.common import atomic_file
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.wireguard.settings import INTERFACE

T = TypeVar("T")

_LINES = re.compile(
    r"\[(Interface|Peer)\]|(PrivateKey|Address|DNS|MTU|PublicKey|PresharedKey|"
    r"AllowedIPs|Endpoint|PersistentKeepalive) = [A-Za-z0-9+/=.:,\[\]_<> -]{1,400}|"
)


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """This machine's enrollment; it contains no secret."""

    link: str  # the link's digest
    url: str
    domain: str
    uuid: str
    name: str


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a link that is being redeemed."""

    link: str
    private_key: bytes

    @override
    def __repr__(self) -> str:
        """Omit the key."""
        return f"Pending({self.link})"


@frozen
class TunnelFile:
    """The files of the tunnel *interface* in *folder*."""

    folder: Path
    interface: str

    @classmethod
    def named(cls, folder: Path, interface: str) -> "TunnelFile":
        """Return the files of a tunnel.

        :raises CommandError: if ``wg-quick`` would refuse the name
        """
        if not INTERFACE.fullmatch(interface) or interface[0] in "-.":
            raise CommandError(
                invalid(
                    "--interface",
                    interface,
                    "a name of up to 15 letters, digits and _=+.- that does not begin "
                    "with - or .",
                )
            )
        return cls(folder.absolute(), interface)

    @property
    def profile(self) -> Path:
        """The profile, which ``wg-quick`` reads."""
        return self.folder / f"{self.interface}.conf"

    @property
    def _joined(self) -> Path:
        return self.folder / f".{self.interface}.joined"

    @property
    def _pending(self) -> Path:
        return self.folder / f".{self.interface}.pending"

    def joined(self) -> Joined | None:
        """Return the profile's origin, if ``join`` wrote it."""
        return self._read(self._joined, Joined)

    def pending(self, link: str) -> bytes | None:
        """Return the pending key of the link with this digest, if there is one."""
        found = self._read(self._pending, Pending)
        return found.private_key if found is not None and found.link == link else None

    def keep(self, pending: Pending) -> None:
        """Store a key until the profile is written."""
        self._write(self._pending, msgspec.json.encode(pending))

    def enrolled(self, joined: Joined, text: str) -> None:
        """Write the profile; afterwards no other file contains the key."""
        self._write(self._joined, msgspec.json.encode(joined))
        self._write(self.profile, text.encode())
        self.settled()

    def settled(self) -> None:
        """Delete a pending key that is in the profile, or useless."""
        self._pending.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete every file of the tunnel.

        :raises CommandError: if the system does not permit it
        """
        for path in (self._pending, self.profile, self._joined):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}{_hint(error)}") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Exclude other joins; the lock is on the directory, so no file is left.

        :raises CommandError: if another join runs, or the directory cannot be created
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CommandError(
                f"{self.folder}: {error.strerror}{_hint(error)}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise CommandError(f"{self.folder}: another join is running") from None
        finally:
            os.close(descriptor)

    def _read(self, path: Path, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(content_of(path), type=kind)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}{_hint(error)}") from error
        except msgspec.DecodeError:
            return None  # an interrupted write; the file is created again

    def _write(self, path: Path, content: bytes) -> None:
        try:
            atomic_file.write(path, content)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}{_hint(error)}") from error


def check(text: str) -> None:
    """Refuse a profile with unexpected lines.

    :raises CommandError: without quoting it
    """
    lines = text.split("\n")
    if not all(_LINES.fullmatch(line) for line in lines):
        raise CommandError(
            "the server's answer is not a profile: it has lines that wg-quick might "
            "run as commands; nothing was written"
        )
    if lines.count("[Interface]") != 1 or lines.count("[Peer]") != 1:
        raise CommandError("the server's answer is not a profile; nothing was written")


def _hint(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "; run this as root, or give another --config-dir"
    return ""
