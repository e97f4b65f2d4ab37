"""Our table of rules, loaded in one transaction by ``nft -f -``.

The kernel's own listing is kept and compared, so a table that somebody flushed or
changed is seen, and one that is right is not written.
"""

from pathlib import Path

import msgspec

from semaphore_twisted.vpnd import files
from semaphore_twisted.vpnd.bounds import Bounds
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.wireguard import firewall
from semaphore_twisted.wireguard.settings import Settings
from semaphore_twisted.wireguard.state import DeviceFailed, Grant


class Chain(msgspec.Struct):
    """A chain that somebody made; base chains have a *hook* and a *policy*."""

    family: str = ""
    table: str = ""
    name: str = ""
    hook: str = ""
    policy: str = "accept"


class _Listed(msgspec.Struct):
    chain: Chain | None = None


class _Ruleset(msgspec.Struct):
    nftables: list[_Listed]


class Firewall:
    """The rules for the grants that hold; *grants* are what was loaded last.

    They are kept in a file for the companion's next life: what was granted goes on
    when it is restarted, before anybody has spoken to it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bounds: Bounds,
        forwarding: Forwarding,
        programs: Programs,
        state: Path,
    ) -> None:
        """Keep the grants in the folder *state*; those out of *bounds* are dropped.

        *forwarding* knows what would not be forwarded if it were not for us.
        """
        self._settings = settings
        self._forwarding = forwarding
        self._programs = programs
        self._closed: frozenset[int] = frozenset()
        self._file = state / "grants.json"
        self._text: str | None = None
        self._listing: bytes | None = None
        self.grants: tuple[Grant, ...] = tuple(
            each
            for each in files.read(self._file, list[Grant]) or []
            if bounds.is_grant(each)
        )

    async def ensure(self, grants: tuple[Grant, ...]) -> bool:
        """Have the rules for *grants*; returns whether they had to be written.

        Fails with ``DeviceFailed``; the rules are as they were then.
        """
        text = self._text
        closed = self._forwarding.closed(
            {6 if ":" in each.address else 4 for each in grants}
        )
        if text is None or (grants, closed) != (self.grants, self._closed):
            try:
                text = firewall.ruleset(self._settings, grants, closed=closed)
            except firewall.WrongGrant as error:
                raise DeviceFailed(str(error)) from None
        if text == self._text and await self._list() == self._listing:
            return False
        try:
            await self._programs.run("nft", "-f", "-", content=text.encode("ascii"))
        except ProgramFailed as error:
            raise DeviceFailed(
                f"The firewall's rules cannot be loaded: {error}"
            ) from None
        self._text, self._listing = text, await self._list()
        self._closed = closed
        if grants != self.grants:
            self.grants = grants
            files.keep(self._file, grants)
        return True

    async def remove(self) -> None:
        """Take our table away."""
        text = firewall.removal(self._settings)
        await self._programs.run("nft", "-f", "-", content=text.encode("ascii"))
        self._text = None

    async def foreign(self, hook: str) -> list[Chain]:
        """Return the others' chains at *hook* that drop what they do not know."""
        shown = await self._programs.read(_Ruleset, "nft", "-json", "list", "chains")
        own = firewall.table_name(self._settings)
        return [
            each.chain
            for each in shown.nftables
            if each.chain is not None
            and (each.chain.hook, each.chain.policy) == (hook, "drop")
            and (each.chain.family, each.chain.table) != ("inet", own)
        ]

    async def _list(self) -> bytes | None:
        """Return our table as the kernel has it, ``None`` where it has none."""
        name = firewall.table_name(self._settings)
        try:
            return await self._programs.run(
                "nft", "--stateless", "list", "table", "inet", name
            )
        except ProgramFailed:
            return None
