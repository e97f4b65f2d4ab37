"""The root certificates of the local CA: current, next and former."""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen


@frozen
class CaRoot:
    """A root: PEM, and its SHA-256 in hex with colons."""

    pem: bytes
    fingerprint: str


@frozen
class CaRoots:
    """The root in use is *current*, ``None`` without a local CA.

    The *next* root replaces it at the time *takes_over*. The served chain also leads to
    the *former* root, which links of older invites may name.
    """

    current: CaRoot | None = None
    next: CaRoot | None = None
    takes_over: datetime | None = None
    former: CaRoot | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the root in use, empty without one."""
        return "" if self.current is None else self.current.fingerprint

    def known(self, fingerprint: str) -> CaRoot | None:
        """Return the root of *fingerprint*, in any spelling, ``None`` if unknown."""
        wanted = fingerprint.replace(":", "").lower()
        for each in (self.current, self.former, self.next):
            if each and each.fingerprint.replace(":", "").lower() == wanted:
                return each
        return None


#: Returns the current roots.
ReadRoots = Callable[[], CaRoots]
