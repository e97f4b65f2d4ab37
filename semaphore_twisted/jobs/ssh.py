"""A job's ``ssh``, ``sftp`` and ``scp`` programs, and git's settings for them.

They pass on the options of the project (its ``ansible.cfg``, inventory or environment),
except for the check of host keys, which the operator sets. A jump host is reached by
the same program, so the same rules apply to it. This is a convenience for authors of
playbooks and not a security boundary: a playbook can run ``ssh`` itself.
"""

import shlex
from pathlib import Path

import msgspec
from msgspec.structs import replace

from semaphore_twisted.jobs.job_inputs import InventorySource, JobOptions, JobOrder
from semaphore_twisted.jobs.ssh_host_checking import CONNECT_TIMEOUT, checking, quoted
from semaphore_twisted.jobs.workspace import CHECKOUT, WORKSPACE, Layout, literal
from semaphore_twisted.model.jobs import File, Step
from semaphore_twisted.model.keys import SshKey

_FOLDER = "ssh"
#: Socket of the agent for requirements, beside that of the job's own.
REQUIREMENTS = "requirements"
_BODY = Path(__file__).with_name("ssh.sh").read_text(encoding="utf-8")
#: Prints ignored options and messages of jump hosts. Its arguments are the directory of
#: the programs, the checkout, and the operator's setting. It runs outside of the job's
#: namespaces, so it follows no link that the job made; all processes of the job have
#: ended by then.
_TELL = """\
plain() { [ ! -L "$1" ] && [ ! -L "$1/$2" ] && [ -f "$1/$2" ]; }
! plain "$1" ignored || head -c 4096 "$1/ignored" | while IFS= read -r option; do
    printf 'Ignored the ssh option of the project: %s (%s)\\n' "$option" "$3"
done
! plain "$1" jumps || sort -u "$1/jumps" | head -c 4096 | while IFS= read -r line; do
    printf 'From a jump host: %s\\n' "$line"
done
! plain "$2" ansible.cfg ||
    grep -E '^[[:space:]]*(ssh|sftp|scp)_executable[[:space:]]*=' "$2/ansible.cfg" |
    head -c 1024 | while IFS= read -r option; do
        printf 'Ignored in ansible.cfg: %s (the server has a program of its own)\\n' \\
            "$option"
    done
exit 0
"""


class SshPrograms(msgspec.Struct, frozen=True, kw_only=True):
    """The ssh programs in a directory.

    *agent* is the socket of an agent that has a single key, if there is one; the public
    key is in a file beside it.
    """

    folder: str
    options: JobOptions
    known_hosts: str
    agent: str | None = None
    sharing: bool = True

    @property
    def ssh(self) -> bytes:
        """The program that is called ``ssh``."""
        options = self.options
        strict = options.strict_host_key_checking
        lines = (
            "#!/bin/sh",
            f"folder={shlex.quote(self.folder)}",
            f"checks={'no' if strict == 'no' else 'yes'}",
            f"project={'yes' if options.project_ssh_options else 'no'}",
            _BODY,
            f'launch {shlex.join(self._first)} "$@"',
            "",
        )
        return "\n".join(lines).encode()

    @property
    def _first(self) -> tuple[str, ...]:
        """The options that come first, and so override all later ones."""
        options = self.options
        first = [*checking(options, self.known_hosts)]
        if options.ssh_config:
            first += ["-F", options.ssh_config]
        if self.agent:
            # IdentitiesOnly limits ssh to keys that are named.
            first += ["-o", f"IdentityFile={quoted(f'{self.agent}.pub')}"]
        if not self.sharing:
            first += ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
        return tuple(first)

    @property
    def arguments(self) -> str:
        """``ANSIBLE_SSH_ARGS``, for workspaces in which programs cannot be executed."""
        sharing = ("-o", "ControlMaster=auto", "-o", "ControlPersist=60s")
        words = ("-C", *self._first, *(sharing if self.sharing else ()))
        return literal(shlex.join(words))

    def other(self, name: str) -> bytes:
        """Return the program called *name*, which uses our ``ssh``."""
        return f'#!/bin/sh\nexec {name} -S {self._path("ssh")} "$@"\n'.encode()

    def _path(self, name: str) -> str:
        """Return the path of a program, quoted for a shell."""
        return shlex.quote(f"{self.folder}/{name}")

    @property
    def git(self) -> str:
        """``GIT_SSH_COMMAND``: no prompt, only the agent's key, a short timeout."""
        words = _for_git(self.options, self.agent)
        if not self.options.runs_programs:
            return literal(shlex.join(("ssh", *self._first, *words)))
        return literal(" ".join((self._path("ssh"), shlex.join(words))))


def _for_git(options: JobOptions, agent: str | None) -> tuple[str, ...]:
    """Return the options of ssh for git."""
    alone = () if options.ssh_config or agent else ("-o", "IdentityFile=none")
    return (
        *(() if options.ssh_config else ("-F", "/dev/null")),
        *("-o", "BatchMode=yes"),
        *("-o", f"ConnectTimeout={CONNECT_TIMEOUT}"),
        *("-o", "ServerAliveInterval=15"),
        *("-o", "ServerAliveCountMax=4"),
        *alone,
        *(("-o", f"IdentityFile={quoted(f'{agent}.pub')}") if agent else ()),
        *("-o", f"IdentityAgent={quoted(agent) if agent else 'none'}"),
    )


def of_layout(
    options: JobOptions, paths: Layout, *, with_key: bool = False
) -> SshPrograms:
    """Return the programs in the workspace, with or without an agent in it."""
    return SshPrograms(
        folder=f"{paths.workspace}/{_FOLDER}",
        options=options,
        known_hosts=paths.known_hosts.replace(WORKSPACE, paths.workspace),
        agent=f"{paths.workspace}/agent/ssh" if with_key else None,
        sharing=paths.control_path_fits,
    )


def of_requirements(options: JobOptions, paths: Layout) -> SshPrograms:
    """Return the programs for an agent that also has the repository's key."""
    made = of_layout(options, paths)
    return replace(made, agent=f"{paths.workspace}/agent/{REQUIREMENTS}")


def of_order(order: JobOrder, options: JobOptions, paths: Layout) -> SshPrograms:
    """Return the programs of a job's own steps, which have the inventory's key."""
    return of_inventory(order.inventory, options, paths)


def of_inventory(
    inventory: InventorySource | None, options: JobOptions, paths: Layout
) -> SshPrograms:
    """Return the programs of steps that have the key of *inventory*."""
    with_key = inventory is not None and isinstance(inventory.key, SshKey)
    return of_layout(options, paths, with_key=with_key)


def files(programs: SshPrograms) -> tuple[File, ...]:
    """Return the programs as files of the workspace."""
    content = {"ssh": programs.ssh, **{n: programs.other(n) for n in ("sftp", "scp")}}
    return tuple(
        File(path=f"{_FOLDER}/{name}", content=text, executable=True)
        for name, text in content.items()
    )


def environ(programs: SshPrograms) -> dict[str, str]:
    """Return the environment that makes Ansible use the programs."""
    strict = programs.options.strict_host_key_checking
    if not programs.options.runs_programs:
        checked = "False" if strict == "no" else "True"
        return {
            "ANSIBLE_SSH_ARGS": programs.arguments,
            "ANSIBLE_HOST_KEY_CHECKING": checked,
        }
    found = {
        f"ANSIBLE_{name.upper()}_EXECUTABLE": literal(f"{programs.folder}/{name}")
        for name in ("ssh", "sftp", "scp")
    }
    if strict == "no":
        return {**found, "ANSIBLE_HOST_KEY_CHECKING": "False"}
    return {**found, "ANSIBLE_PARAMIKO_HOST_KEY_CHECKING": "True"}


def tell(options: JobOptions) -> Step:
    """Return the last step of a job: it prints the options that were ignored."""
    setting = (
        "host keys are checked as ssh.strict_host_key_checking says"
        if options.project_ssh_options
        else "ssh.project_options is false"
    )
    folder, checkout = f"{WORKSPACE}/{_FOLDER}", f"{WORKSPACE}/{CHECKOUT}"
    return Step(
        name="ignored options of ssh",
        argv=("sh", "-c", _TELL, "tell", folder, checkout, setting),
        cwd="/",
        environ={"PATH": options.search_path, "LANG": "C.UTF-8"},
        time_limit=5,
    )
