"""``process.…``: the accounts that jobs run as, and namespaces that isolate jobs."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
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

    user: Annotated[
        bool | None,
        option(
            "PROCESS_APP_NS_USER",
            help="user namespace; unset: where it is needed; `false`: never, for "
            "jobs as the server's user that use `sudo` on this machine",
        ),
    ] = None
    mount: Annotated[
        bool | None,
        option(
            "PROCESS_APP_NS_MOUNT",
            help="mount namespace; unset: where it is possible; `true`: the start "
            "is refused where it is not; `false`: off, with a warning",
        ),
    ] = None
    pid: Annotated[
        bool | None,
        option(
            "PROCESS_APP_NS_PID",
            help="process namespace, likewise; needs `process.app_namespaces.mount`",
        ),
    ] = None
    ipc: Annotated[
        bool | None,
        option(
            "PROCESS_APP_NS_IPC",
            help="namespace of System V IPC and message queues, likewise",
        ),
    ] = None
    uts: Annotated[
        bool | None,
        option("PROCESS_APP_NS_UTS", help="`true`: a host name of the job's own"),
    ] = None


class ProcessOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The account that jobs run as, or a range of user numbers for them."""

    user: Annotated[
        str,
        option(
            "PROCESS_USER", help="account that all jobs run as; empty: the server's"
        ),
    ] = ""
    uid: Annotated[int | None, option("PROCESS_UID", help="the same by number")] = None
    gid: Annotated[
        int | None, option("PROCESS_GID", help="group that jobs run as, by number")
    ] = None
    uid_range: Annotated[
        str,
        option(
            "PROCESS_UID_RANGE",
            help="`FIRST-LAST`, such as `1900000000-1900000063`: each job runs as "
            "a user number of its own; the group has the same number unless "
            "`process.gid` is set",
            own=True,
        ),
    ] = ""
    app_namespaces: AppNamespaces = AppNamespaces()

    @property
    def uids(self) -> range:
        """The numbers of a checked ``uid_range``; empty if it is not set."""
        match = _RANGE.fullmatch(self.uid_range)
        return range(int(match[1]), int(match[2]) + 1) if match else range(0)


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
