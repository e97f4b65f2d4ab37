"""Resolves the user that jobs run as, and checks that the server may switch to it."""

import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from semaphore_twisted.config.process_options import ProcessOptions
from semaphore_twisted.jobs.identities import Identities
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.refusals import invalid, quoted

#: Numbers of the capabilities that a server without root needs (capabilities(7)):
#: CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID.
_CAPABILITIES = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}


class UnusableUser(DomainError):
    """``process.user``, ``uid`` or ``gid`` cannot be used; the sentence names it."""


@frozen
class JobUser:
    """User and group of jobs; both ``None`` if jobs run as the server's user.

    If each job has a uid of its own, a *gid* of ``None`` means the same number.
    """

    uid: int | None
    gid: int | None
    #: the name for messages
    name: str
    #: the uids if each job has its own; *uid* is then the first one
    uids: range = range(0)

    @property
    def is_other(self) -> bool:
        """Whether jobs run as another user than the server."""
        return self.uid is not None and self.uid != os.geteuid()

    @property
    def is_root(self) -> bool:
        """Whether jobs run as root, and therefore without separation."""
        return os.geteuid() == 0 if self.uid is None else self.uid == 0

    @property
    def have_accounts(self) -> bool:
        """Whether each uid has an account on this machine."""
        try:
            for uid in self.uids:
                pwd.getpwuid(uid)
        except KeyError:
            return False
        return True


def resolve(
    process: ProcessOptions,
    *,
    may_switch: Callable[[], str] | None = None,
    by_name: Callable[[str], pwd.struct_passwd] = pwd.getpwnam,
    by_number: Callable[[int], pwd.struct_passwd] = pwd.getpwuid,
) -> JobUser:
    """Return the user that *process* configures.

    *may_switch* returns the missing capabilities, empty if there are none.

    :raises UnusableUser: if there is no such user, or the server may not switch to it
    """
    uid, gid, option = process.uid, process.gid, "process.uid"
    name = process.user
    if process.uids:
        return _range(process, may_switch or _missing)
    if name:
        option = "process.user"
        try:
            entry = by_name(name)
        except KeyError:
            raise UnusableUser(
                invalid("process.user", name, "the name of a user of this machine")
            ) from None
        if uid is not None and uid != entry.pw_uid:
            raise UnusableUser(
                invalid(
                    "process.uid",
                    uid,
                    f"{entry.pw_uid}, the number of process.user {quoted(name)}",
                )
            )
        uid = entry.pw_uid
        gid = entry.pw_gid if gid is None else gid
    elif uid is None:
        if gid is not None:
            raise UnusableUser(
                "process.gid: neither process.user nor process.uid is set; set one of "
                "them"
            )
        return JobUser(uid=None, gid=None, name="")
    elif gid is None:
        try:
            gid = by_number(uid).pw_gid
        except KeyError:
            raise UnusableUser(
                f"process.gid: not set, and process.uid {uid} has no account; expected "
                "the "
                "number of a group"
            ) from None
    if uid == os.geteuid() and gid == os.getegid():
        return JobUser(uid=None, gid=None, name="")
    missing = (may_switch or _missing)()
    if missing:
        raise UnusableUser(
            f"{option}: the server may not switch to user {name or uid}; it needs "
            f"{missing} (the shipped systemd unit gives them), or root"
        )
    return JobUser(uid=uid, gid=gid, name=name or str(uid))


def identities(user: JobUser, spools: str, workspaces: str) -> Identities | None:
    """Return the allocator of uids, ``None`` unless each job has its own."""
    if not user.uids:
        return None
    return Identities(user.uids, Path(spools), Path(workspaces), user.gid)


def _range(process: ProcessOptions, may_switch: Callable[[], str]) -> JobUser:
    """Return the users of ``process.uid_range``, which overrides a single user."""
    uids = process.uids
    if missing := may_switch():
        raise UnusableUser(
            f"process.uid_range: the server may not switch to other users: it lacks"
            f" {missing}; expected these capabilities, as the "
            "shipped systemd unit has, or root"
        )
    if os.geteuid() in uids:
        raise UnusableUser(
            f"process.uid_range: {process.uid_range} includes the server's own user "
            f"{os.geteuid()}; expected numbers that no account uses"
        )
    if not _mapped(uids):
        raise UnusableUser(
            f"process.uid_range: {process.uid_range} has numbers that do not exist in "
            "this container; expected numbers of /proc/self/uid_map"
        )
    return JobUser(uid=uids[0], gid=process.gid, name=process.uid_range, uids=uids)


def _mapped(uids: range) -> bool:
    """Return whether all *uids* exist in this user namespace."""
    found = 0
    with open("/proc/self/uid_map", encoding="ascii") as lines:  # noqa: PTH123
        for line in lines:
            first, _, count = map(int, line.split())
            found += max(0, min(uids.stop, first + count) - max(uids.start, first))
    return found == len(uids)


def lacking(capabilities: Mapping[str, int]) -> str:
    """Return which of *capabilities* (name to number) this process lacks."""
    effective = 0
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        for line in status:
            if line.startswith("CapEff:"):
                effective = int(line.split()[1], 16)
    return ", ".join(
        name for name, bit in capabilities.items() if not effective >> bit & 1
    )


def _missing() -> str:
    return lacking(_CAPABILITIES)
