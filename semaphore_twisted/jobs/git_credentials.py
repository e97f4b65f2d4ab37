"""Steps that pass a login with password for HTTP to git, and remove it again.

The login goes through a pipe into the memory of ``git credential-cache``, which gives
it only to the host that it is for. It is in no URL, argument, file or environment.
"""

import shlex

import msgspec
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import LoginPassword, OpenedSecret, Text
from semaphore_twisted.model.repositories import Address
from semaphore_twisted.model.reprs import redacted

#: The timeout of a login exceeds any job; the cache's process ends with the job.
_KEEP_SECONDS = 30 * 24 * 3600
_LOCAL_SECONDS = 10


def helper(socket: str) -> str:
    """Return the value of ``credential.helper`` for the cache behind *socket*."""
    words = ("cache", "--socket", socket, "--timeout", str(_KEEP_SECONDS))
    return shlex.join(words)


class LoginMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A credential cache: its name in steps, its socket, git's environment."""

    name: str
    socket: str
    environ: dict[str, str]
    cwd: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    def begin(self, where: Address, key: OpenedSecret) -> tuple[Step, ...]:
        """Return the steps that store the login of *key* for the host of *where*.

        :raises Invalid: if git's protocol cannot carry it.
        """
        login, password = _login(key)
        if not login and not password:
            return ()
        daemon = Step(
            name=f"{self.name} login memory",
            argv=("git", "credential-cache--daemon", self.socket),
            cwd=self.cwd,
            environ=self.environ,
            background=True,
            ready=self.socket,
            quiet=True,
            as_user=False,
        )
        said = f"{_host(where)}username={login}\npassword={password}\n"
        keep = ("--timeout", str(_KEEP_SECONDS), "store")
        return daemon, self._tell("login", said, *keep)

    def end(self, where: Address, key: OpenedSecret) -> tuple[Step, ...]:
        """Return the steps that erase the login; the cache ends without one."""
        if not any(_login(key)):
            return ()
        return (self._tell("login away", _host(where), "erase"),)

    def _tell(self, name: str, said: str, *arguments: str) -> Step:
        """Return a step that sends *said* to the cache through a pipe."""
        return Step(
            name=f"{self.name} {name}",
            argv=("git", "credential-cache", "--socket", self.socket, *arguments),
            cwd=self.cwd,
            environ=self.environ,
            stdin=said.encode(),
            quiet=True,
            as_user=False,
            time_limit=_LOCAL_SECONDS,
        )


def has_login(key: OpenedSecret) -> bool:
    """Whether *key* has a login for HTTP."""
    return any(_login(key))


def _host(where: Address) -> str:
    """Return the host in git's credential format."""
    return f"protocol={where.kind}\nhost={where.host}\n"


def _login(key: OpenedSecret) -> tuple[str, str]:
    """Return the login and password for HTTP; both are empty if there is none.

    A token without a login is sent as the login, as Semaphore does: git sends nothing
    if the login is empty.

    :raises Invalid: if git's protocol cannot carry one of them.
    """
    match key:
        case LoginPassword(login=login, password=password):
            pair = (login, password) if login else (password, "")
        case Text(text=text):
            pair = (text.strip(), "")
        case _:
            pair = ("", "")
    if any(character in text for text in pair for character in "\r\n\0"):
        raise Invalid(
            "The repository's login or password has a line break in it, which git"
            " cannot send"
        )
    return pair
