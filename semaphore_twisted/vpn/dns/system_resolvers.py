"""Read this machine's own resolvers from ``/etc/resolv.conf``, whenever it changes."""

import ipaddress
from collections.abc import Callable, Collection
from pathlib import Path

from attrs import define, field

#: The number of resolvers that the C library uses, and its default without any.
MOST, DEFAULT = 3, ("127.0.0.1",)

#: Seconds between two checks whether the file has changed.
CHECK_INTERVAL = 1.0


def nameservers(text: str, own: Collection[str]) -> tuple[str, ...]:
    """Return the addresses that *text* names, without our *own*.

    Queries that are forwarded to ourselves would loop forever.
    """
    mine = {ipaddress.ip_address(each) for each in own}
    named, addresses = 0, []
    for line in text.split("\n"):
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = ipaddress.ip_address(words[1])
        except ValueError:
            continue
        named += 1
        if address not in mine and words[1] not in addresses:
            addresses.append(words[1])
    return tuple(addresses[:MOST]) if named else DEFAULT


@define(eq=False)
class ResolvConf:
    """Returns the resolvers to query; reads the file again when it has changed."""

    _path: Path
    _own: Collection[str]
    _seconds: Callable[[], float]
    _found: tuple[str, ...] = DEFAULT
    _stamp: tuple[int, ...] | None = None
    _checked_at: float | None = field(default=None)

    def __call__(self) -> tuple[str, ...]:
        """Return the addresses, in the order in which they are queried."""
        now = self._seconds()
        if self._checked_at is None or not 0 <= now - self._checked_at < CHECK_INTERVAL:
            self._checked_at = now
            self._check()
        return self._found

    def _check(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if stamp != self._stamp:
                text = self._path.read_text(encoding="utf-8", errors="replace")
                self._found = nameservers(text, self._own)
                self._stamp = stamp
        except FileNotFoundError:
            self._found, self._stamp = DEFAULT, None
        except OSError:
            pass  # keep the resolvers read before
