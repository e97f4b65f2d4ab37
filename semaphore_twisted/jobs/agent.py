"""The steps that give a job a key in OpenSSH's ``ssh-agent``, and take it away again.

The key goes to ``ssh-add -`` through a pipe: it is in no file and no argument. Git's
key and the inventory's are in agents of their own; git's is emptied after the
checkout, so the job's own steps never have it.
"""

import msgspec

from semaphore_twisted.jobs.steps import Step
from semaphore_twisted.model.keys import SshKey

#: ``ssh-add`` waits for nobody; a protected key ends it at once, this is the last net.
_SECONDS = 10


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of a job: its name in steps, its socket, its environment."""

    name: str
    socket: str
    environ: dict[str, str]
    cwd: str
    as_user: bool

    @property
    def public(self) -> str:
        """The file with the public half, by which ssh can be told of the key."""
        return f"{self.socket}.pub"

    def begin(self, key: SshKey) -> tuple[Step, ...]:
        """Return the steps that start the agent and give it *key*."""
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
        """Return the steps that take the key away."""
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
