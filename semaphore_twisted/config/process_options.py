"""``process.…``: the accounts that jobs run as, and namespaces that isolate jobs."""

import re
from collections.abc import Callable, Mapping

import msgspec

from semaphore_twisted.config.values import WrongOption

_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
#: Lower numbers belong to the system's own accounts and groups.
_LOWEST = 1000
#: The number above this one means "no user" in system calls.
_HIGHEST = (1 << 32) - 2
#: Maximum size of the range: each job that runs uses one number.
_MOST = 65_536


class AppNamespaces(msgspec.Struct, frozen=True, kw_only=True):
    """The namespaces that jobs get; ``None`` means "if the system supports it"."""

    user: bool | None = None
    mount: bool | None = None
    pid: bool | None = None
    ipc: bool | None = None
    uts: bool | None = None


class ProcessOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The account that jobs run as, or a range of user numbers for them."""

    user: str = ""
    uid: int | None = None
    gid: int | None = None
    uid_range: str = ""
    app_namespaces: AppNamespaces = AppNamespaces()

    @property
    def uids(self) -> range:
        """The numbers of a checked ``uid_range``; empty if it is not set."""
        found = _RANGE.fullmatch(self.uid_range)
        return range(int(found[1]), int(found[2]) + 1) if found else range(0)


def is_superseded(
    variable: str, environ: Mapping[str, str], warnings: list[str]
) -> bool:
    """Return whether another environment variable takes precedence, and warn of it.

    The shipped unit sets the range. An older drop-in or environment file may set
    ``SEMAPHORE_PROCESS_USER``, even to an empty value; that setting stays in effect.
    """
    other = "SEMAPHORE_PROCESS_USER"
    if variable != "SEMAPHORE_PROCESS_UID_RANGE" or other not in environ:
        return False
    value = environ[other]
    warnings.append(
        f"{variable} has no effect, since {other} is set to {value or 'nothing'}:"
        f" remove {other} where jobs should have users of their own"
    )
    return True


def check(process: ProcessOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse an invalid range, and namespaces that depend on a disabled one."""
    if process.uid_range:
        uids = process.uids
        usable = (
            uids
            and uids[0] >= _LOWEST
            and not {65534, 65535} & set(uids)
            and uids[-1] <= _HIGHEST
            and len(uids) <= _MOST
        )
        if not usable:
            expected = (
                f"FIRST-LAST, at most {_MOST} numbers of users from {_LOWEST} to"
                f" {_HIGHEST} that no account uses, such as 1900000000-1900000063"
            )
            raise wrong("process.uid_range", process.uid_range, expected)
    chosen = process.app_namespaces
    if chosen.mount is False and chosen.pid:
        expected = "true or unset, since process.app_namespaces.pid needs it"
        raise wrong("process.app_namespaces.mount", chosen.mount, expected)
