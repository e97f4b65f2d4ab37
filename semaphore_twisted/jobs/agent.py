"""Steps that load a job's key into OpenSSH's ``ssh-agent``, and remove it again.

The key is passed to ``ssh-add -`` through a pipe, so it is in no file and no argument.
Git's key and the inventory's key have separate agents. Git's agent is emptied after the
checkout, so the job's own steps never have its key.
"""

import msgspec
from typing_extensions import override

from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import SshKey
from semaphore_twisted.model.reprs import redacted

#: Time limit of ``ssh-add``, which normally ends at once, also for a protected key.
_SECONDS = 10


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of a job: its name in steps, its socket, its environment."""

    name: str
    socket: str
    environ: dict[str, str]
    cwd: str
    as_user: bool

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    @property
    def public(self) -> str:
        """The path of the file with the public key, which selects the key in ssh."""
        return f"{self.socket}.pub"

    def begin(self, key: SshKey) -> tuple[Step, ...]:
        """Return the steps that start the agent and load *key*."""
        return (
            Step(
                name=f"{self.name} agent",
                argv=("ssh-agent", "-D", "-a", self.socket),
                cwd=self.cwd,
                environ=self.environ,
                background=True,
                ready=self.socket,
                quiet=True,
                as_user=self.as_user,
            ),
            Step(
                name=f"{self.name} key",
                argv=("ssh-add", "-q", "-"),
                cwd=self.cwd,
                environ={**self.environ, "SSH_AUTH_SOCK": self.socket},
                stdin=key.private_key.strip().replace("\r\n", "\n").encode() + b"\n",
                quiet=True,
                as_user=self.as_user,
                time_limit=_SECONDS,
                failure=f"The SSH key of the {self.name} cannot be loaded: it is"
                " damaged or needs a passphrase; save it again in the key store",
            ),
            Step(
                name=f"{self.name} public key",
                argv=(
                    "sh",
                    "-c",
                    'umask 077 && ssh-add -L >"$1"',
                    "public",
                    self.public,
                ),
                cwd=self.cwd,
                environ={**self.environ, "SSH_AUTH_SOCK": self.socket},
                quiet=True,
                as_user=self.as_user,
                time_limit=_SECONDS,
            ),
        )

    def end(self) -> tuple[Step, ...]:
        """Return the steps that remove the key."""
        return (
            Step(
                name=f"{self.name} key away",
                argv=("ssh-add", "-q", "-D"),
                cwd=self.cwd,
                environ={**self.environ, "SSH_AUTH_SOCK": self.socket},
                quiet=True,
                as_user=self.as_user,
                time_limit=_SECONDS,
            ),
        )
