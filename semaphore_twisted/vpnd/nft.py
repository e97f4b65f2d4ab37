"""Loads our nftables table in one transaction with ``nft -f -``.

The kernel's listing of the table is kept and compared. So a table that was flushed or
changed by another program is detected, and a correct one is not written again.
"""

from collections.abc import Callable
from pathlib import Path

from semaphore_twisted.vpnd import files
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.table_watch import TableWatch
from semaphore_twisted.wireguard import firewall
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed, Grant

#: Attempts to load the table: another program may change it meanwhile.
_ATTEMPTS = 3


class Firewall:
    """The rules for the current grants; *grants* are those that were loaded last.

    The grants are kept in a file: after a restart of the companion they apply again
    before a server connects.
    """

    def __init__(
        self,
        settings: TunnelSettings,
        *,
        bounds: RequestBounds,
        forwarding: Forwarding,
        programs: Programs,
        state: Path,
        watch: TableWatch,
    ) -> None:
        """Keep the grants in the directory *state*; drop those out of *bounds*.

        *forwarding* tells which families are forwarded for the tunnel only, *watch* how
        often the table was changed.
        """
        self._settings = settings
        self._forwarding = forwarding
        self._programs = programs
        self._watch = watch
        self._verified = -1
        #: called when the table is found missing or changed, before it is loaded
        self.broken: Callable[[], object] = lambda: None
        self.closed: frozenset[int] = frozenset()
        self._file = state / "grants.json"
        self._text: str | None = None
        self._listing: bytes | None = None
        self.grants: tuple[Grant, ...] = tuple(
            each
            for each in files.read(self._file, list[Grant]) or []
            if bounds.is_grant(each)
        )

    async def ensure(self, grants: tuple[Grant, ...]) -> bool:
        """Load the rules for *grants* if needed; returns whether they were loaded.

        Fails with ``DeviceFailed``; the rules are unchanged then.
        """
        text = self._text
        closed = self._forwarding.closed({each.family for each in grants})
        if text is None or (grants, closed) != (self.grants, self.closed):
            text = firewall.ruleset(self._settings, grants, closed=closed)
        count = self._watch.drain()
        listing = await self._list()
        is_right = listing is not None and listing == self._listing
        if text == self._text and is_right:
            self._verified = count
            return False
        if listing is None or (self._text is not None and not is_right):
            self.broken()
        await self._load(text)
        self._text, self.closed = text, closed
        if grants != self.grants:
            self.grants = grants
            files.keep(self._file, grants)
        return True

    async def _load(self, text: str) -> None:
        """Load *text*, and keep the kernel's listing of it."""
        watch, self._watch.is_paused = self._watch, True
        reason = "another program changes them at the same time"
        try:
            for _ in range(_ATTEMPTS):
                before, losses = watch.drain(), watch.losses
                await self._programs.run("nft", "-f", "-", content=text.encode("ascii"))
                listing = await self._list()
                count = watch.drain()
                # One transaction is ours; another one may have changed the table. The
                # messages of a large table may be lost, and then the count is unknown.
                is_known = watch.losses == losses
                if listing is not None and (count <= before + 1 or not is_known):
                    self._listing, self._verified = listing, count
                    return
                self.broken()
        except DeviceFailed as error:
            reason = str(error)
        finally:
            watch.is_paused = False
        raise DeviceFailed(f"The firewall's rules cannot be loaded: {reason}")

    @property
    def is_unchanged(self) -> bool:
        """Whether the table was not changed since it was last verified."""
        return self._watch.drain() == self._verified

    async def is_intact(self) -> bool:
        """Whether the kernel's table is the one that was loaded."""
        listing = await self._list()
        return listing is not None and listing == self._listing

    async def remove(self) -> None:
        """Switch off our forwarding, then delete our table.

        Fails with ``DeviceFailed``; the table is kept then.
        """
        self._forwarding.set(())
        text = firewall.removal(self._settings)
        self._watch.is_paused = True
        try:
            await self._programs.run("nft", "-f", "-", content=text.encode("ascii"))
        finally:
            self._watch.drain()
            self._watch.is_paused = False
        self._text = self._listing = None

    async def _list(self) -> bytes | None:
        """Return our table as the kernel lists it, ``None`` if it does not exist."""
        words = ("nft", "--stateless", "list", "table", "inet", self._settings.table)
        try:
            return await self._programs.run(*words)
        except DeviceFailed:
            return None
