"""The options of repositories: which ones of this machine, and logins in clear."""

from collections.abc import Callable

import msgspec

from semaphore_twisted.config_values import WrongOption

#: Each local repository that the jobs' user can read, and none.
ANY, OFF = "any", "off"


class Repositories(msgspec.Struct, frozen=True, kw_only=True):
    """Where local repositories may be, and whether logins may go over plain HTTP."""

    local: tuple[str, ...] = (ANY,)
    insecure_http: bool = False

    @property
    def folders(self) -> tuple[str, ...] | None:
        """The folders that local repositories may be in; ``None`` for any."""
        if self.local == (ANY,):
            return None
        return () if self.local == (OFF,) else self.local


def check(found: Repositories, wrong: Callable[..., WrongOption]) -> None:
    """Refuse what is neither of the two words nor a list of folders."""
    if found.local in {(ANY,), (OFF,)}:
        return
    for each in found.local:
        if not each.startswith("/") or any(ord(character) < 32 for character in each):
            raise wrong(
                "repositories.local",
                each,
                f"{ANY}, {OFF} or a list of absolute paths of directories",
            )
