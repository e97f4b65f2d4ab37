"""Options of repositories: permitted local paths, and credentials over plain HTTP."""

from collections.abc import Callable
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption

#: Values of ``repositories.local``: any repository that the job's user can read, or
#: none.
ANY, OFF = "any", "off"


class RepositoryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where local repositories may be, and whether plain HTTP may carry credentials."""

    local: Annotated[
        tuple[str, ...],
        option(
            "REPOSITORIES_LOCAL",
            help="repositories of this machine: `any` that the jobs' user can "
            "read, `off`, or directories that they must be in",
            own=True,
        ),
    ] = (ANY,)
    insecure_http: Annotated[
        bool,
        option(
            "REPOSITORIES_INSECURE_HTTP",
            help="send logins to `http://` repositories, readable for the network",
            own=True,
        ),
    ] = False

    @property
    def folders(self) -> tuple[str, ...] | None:
        """The directories that local repositories may be in; ``None`` for any."""
        if self.local == (ANY,):
            return None
        return () if self.local == (OFF,) else self.local


def check(found: RepositoryOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a value that is neither a keyword nor a list of absolute directories."""
    if found.local in {(ANY,), (OFF,)}:
        return
    for each in found.local:
        if not each.startswith("/") or any(ord(character) < 32 for character in each):
            raise wrong(
                "repositories.local",
                each,
                f"{ANY}, {OFF} or a list of absolute paths of directories",
            )
