"""The user that jobs run as: found by name or number, and whether we may switch."""

import os
import pwd
from collections.abc import Callable

from attrs import frozen

from semaphore_twisted.config import Process
from semaphore_twisted.model.errors import DomainError

#: Numbers of the capabilities that a server without root needs (capabilities(7)):
#: CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID.
_CAPABILITIES = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}


class UnusableUser(DomainError):
    """``process.user``, ``uid`` or ``gid`` cannot be used; the sentence names it."""


@frozen
class JobUser:
    """Numbers for the supervisor; both ``None`` where jobs run as the server."""

    uid: int | None
    gid: int | None
    #: how it is told to people
    name: str

    @property
    def is_other(self) -> bool:
        """Whether jobs run as somebody else than the server."""
        return self.uid is not None and self.uid != os.geteuid()


def resolve(
    process: Process,
    *,
    may_switch: Callable[[], str] | None = None,
    by_name: Callable[[str], pwd.struct_passwd] = pwd.getpwnam,
    by_number: Callable[[int], pwd.struct_passwd] = pwd.getpwuid,
) -> JobUser:
    """Return the user that *process* names.

    *may_switch* returns what is missing for a switch, empty if nothing is.

    :raises UnusableUser: if there is no such user, or the server may not switch.
    """
    uid, gid, option = process.uid, process.gid, "process.uid"
    name = process.user
    if name:
        option = "process.user"
        try:
            entry = by_name(name)
        except KeyError:
            raise UnusableUser(
                f"process.user: {name!r} found, the name of a user of this machine "
                "wanted"
            ) from None
        if uid is not None and uid != entry.pw_uid:
            raise UnusableUser(
                f"process.uid: {uid} found, {entry.pw_uid} wanted, the number of "
                f"process.user {name!r}"
            )
        uid = entry.pw_uid
        gid = entry.pw_gid if gid is None else gid
    elif uid is None:
        if gid is not None:
            raise UnusableUser("process.gid: found without process.user or process.uid")
        return JobUser(uid=None, gid=None, name="")
    elif gid is None:
        try:
            gid = by_number(uid).pw_gid
        except KeyError:
            raise UnusableUser(
                f"process.uid: {uid} has no entry, so process.gid is wanted too"
            ) from None
    if uid == os.geteuid() and gid == os.getegid():
        return JobUser(uid=None, gid=None, name="")
    missing = (may_switch or _missing)()
    if missing:
        raise UnusableUser(
            f"{option}: {name or uid} found, and the server may not switch to another "
            f"user: it wants {missing} (the shipped systemd unit gives them), or root"
        )
    return JobUser(uid=uid, gid=gid, name=name or str(uid))


def warning(user: JobUser) -> str | None:
    """Return the sentence for the log where jobs can read what the server can."""
    if user.is_other:
        return None
    own = "root" if os.geteuid() == 0 else "the server's own user"
    return (
        f"Jobs run as {own} (process.user is not set): a playbook can read the key, "
        "the database and whatever else the server can; see docs/operating.md"
    )


def _missing() -> str:
    if os.geteuid() == 0:
        return ""
    effective = 0
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        for line in status:
            if line.startswith("CapEff:"):
                effective = int(line.split()[1], 16)
    return ", ".join(
        name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1
    )
