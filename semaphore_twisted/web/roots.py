"""The local authority's roots that people are shown: in use, and to come."""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen


@frozen
class Root:
    """A root: PEM, and its SHA-256 in hex with colons."""

    pem: bytes
    fingerprint: str


@frozen
class Roots:
    """The root in use is *current*, ``None`` without a local authority.

    The *next* one takes its place at the time *takes_over*.
    """

    current: Root | None = None
    next: Root | None = None
    takes_over: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """That of the root in use, empty without one."""
        return "" if self.current is None else self.current.fingerprint


#: Tells the roots of the moment.
ReadRoots = Callable[[], Roots]
