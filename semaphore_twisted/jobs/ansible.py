"""The steps of an Ansible job: inventory, requirements, playbook.

Secrets reach ``ansible-playbook`` in these ways (tried with ansible-core 2.17 to 2.19):

* a vault's password by ``--vault-id=NAME@/dev/fd/N``, which is read once, at the start;
* the login's and become's password by a small script that copies an inherited pipe. A
  plain ``/dev/fd/N`` does not work there: Ansible resolves the link to a name such as
  ``pipe:[123]``. Ansible starts the script with all descriptors closed, so it reads the
  pipe of its parent;
* variables by files of mode 0600 in the workspace (``jobs.values``).
"""

import posixpath
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from typing_extensions import override

from semaphore_twisted.jobs import ssh
from semaphore_twisted.jobs.agent import Agent
from semaphore_twisted.jobs.inventory import (
    arguments_of,
    path_in_checkout,
    strictness,
)
from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOptions,
    JobOrder,
    VaultPassword,
)
from semaphore_twisted.jobs.values import (
    ansible_arguments,
    ansible_environment,
    extra_variables,
    verbosity,
)
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    literal,
)
from semaphore_twisted.model.apps import App
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import File, Pipe, Step
from semaphore_twisted.model.keys import LoginPassword, OpenedSecret, SshKey, Text
from semaphore_twisted.model.logins import check_login
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.reprs import redacted

#: The callback plugin that reports results, and its directory in the workspace.
_PLUGIN = Path(__file__).with_name("plugins") / "semaphore_results.py"
_PLUGINS = "callback_plugins"

#: Ansible's message for a play without hosts.
_NO_HOSTS = "skipping: no hosts matched"


class AnsiblePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The steps and files that an app adds to the checkout."""

    steps: tuple[Step, ...]
    files: tuple[File, ...] = ()
    #: Steps that run last, after any result.
    finally_steps: tuple[Step, ...] = ()

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


class _Password(msgspec.Struct, frozen=True, kw_only=True):
    """A password for Ansible: its pipe, the script that reads it, and the option."""

    name: str
    option: str
    content: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    @property
    def variable(self) -> str:
        """The environment variable that passes the pipe to the script."""
        return f"JOB_{self.name.upper()}_PIPE"

    @property
    def path(self) -> str:
        """The path of the script, relative to the workspace."""
        return f"passwords/{self.name}"

    @property
    def file(self) -> File:
        """The script; it contains no secret."""
        lines = (
            "#!/bin/sh",
            "# Ansible asks for a password: hand on what its pipe holds.",
            f'exec cat "/proc/$PPID/${{{self.variable}#/dev/}}"',
            "",
        )
        return File(path=self.path, content="\n".join(lines).encode(), executable=True)


def plan(
    order: JobOrder, options: JobOptions, paths: Layout, *, playbook: str
) -> AnsiblePlan:
    """Return the steps and files that run *playbook*, a path in the checkout.

    :raises Invalid: if Ansible cannot receive a value of the order.
    """
    inventory = order.inventory
    own = _environ(order, options, paths)
    who = logins(inventory)
    installed, inventory_arguments = arguments_of(inventory)
    vaults = _vaults(order)
    variables, variable_arguments = extra_variables(order, options)
    run = Step(
        name="playbook",
        argv=(
            literal(order.app.program),
            *inventory_arguments,
            *who.arguments,
            *verbosity(order),
            *(each.argument for each in vaults),
            *variable_arguments,
            *ansible_arguments(order, playbook=playbook),
        ),
        cwd=f"{WORKSPACE}/{CHECKOUT}",
        environ={
            **strictness(inventory),
            **own,
            **who.environ,
        },
        install=order.app.install,
        reports=f"{WORKSPACE}/{_PLUGINS}",
        announce=() if installed is None else ("installing static inventory",),
        remarks={
            _NO_HOSTS: "A play matched no host of the inventory, so it did nothing"
        },
        pipes=(
            *(each.pipe for each in vaults if each.pipe is not None),
            *who.pipes,
        ),
    )
    return AnsiblePlan(
        steps=(
            *_with_repository_key(
                order,
                options,
                paths,
                partial(_requirements, order.app, posixpath.dirname(playbook)),
                own,
            ),
            run,
        ),
        files=(
            File(path=f"{_PLUGINS}/{_PLUGIN.name}", content=_PLUGIN.read_bytes()),
            *who.files,
            *(() if installed is None else (installed,)),
            *variables,
            *ssh.files(ssh.of_order(order, options, paths)),
        ),
        finally_steps=(ssh.tell(options),),
    )


def _environ(order: JobOrder, options: JobOptions, paths: Layout) -> dict[str, str]:
    """Return the environment of Ansible's programs."""
    made = environ_of(order.inventory, options, paths)
    agent = {name: made[name] for name in ("SSH_AUTH_SOCK",) if name in made}
    return {**made, **ansible_environment(order), **agent}


def environ_of(
    inventory: InventorySource | None, options: JobOptions, paths: Layout
) -> dict[str, str]:
    """Return the environment of Ansible's programs without the values of a task."""
    programs = ssh.of_inventory(inventory, options, paths)
    return {
        **environ(options, paths),
        "ANSIBLE_FORCE_COLOR": "True",
        "ANSIBLE_LOCAL_TEMP": paths.temporary,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{WORKSPACE}/cp",
        **ssh.environ(programs),
        "GIT_SSH_COMMAND": programs.git,
        **({"GIT_SSL_CAINFO": options.ca_bundle} if options.ca_bundle else {}),
        **({"SSH_AUTH_SOCK": paths.agent} if programs.agent else {}),
    }


class Logins(msgspec.Struct, frozen=True, kw_only=True):
    """How a program of Ansible logs in: arguments, environment, pipes and files."""

    arguments: tuple[str, ...]
    environ: dict[str, str]
    pipes: tuple[Pipe, ...]
    files: tuple[File, ...]

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def logins(inventory: InventorySource | None) -> Logins:
    """Return how Ansible logs in to the hosts of *inventory*.

    :raises Invalid: if a login is not the name of an account
    """
    passwords = () if inventory is None else _passwords(inventory)
    return Logins(
        arguments=_who(inventory, passwords),
        environ={each.variable: f"{{pipe:{each.name}}}" for each in passwords},
        pipes=tuple(
            Pipe(name=each.name, content=each.content.encode()) for each in passwords
        ),
        files=tuple(each.file for each in passwords),
    )


def _passwords(inventory: InventorySource) -> tuple[_Password, ...]:
    """Return the passwords that Ansible needs."""
    asked = (
        ("login", "--connection-password-file", inventory.key),
        ("become", "--become-password-file", inventory.become),
    )
    return tuple(
        _Password(name=name, option=option, content=key.password)
        for name, option, key in asked
        if isinstance(key, LoginPassword) and key.password
    )


def _who(
    inventory: InventorySource | None, passwords: tuple[_Password, ...]
) -> tuple[str, ...]:
    """Return the arguments for the login and become users and their passwords.

    :raises Invalid: if a login is not the name of an account
    """
    if inventory is None:
        return ()
    options = {
        each.name: f"{each.option}={WORKSPACE}/{each.path}" for each in passwords
    }
    found: list[str] = []
    for name, option, key in (
        ("login", "--user", inventory.key),
        ("become", "--become-user", inventory.become),
    ):
        if isinstance(key, SshKey | LoginPassword) and key.login:
            with_password = isinstance(key, LoginPassword)
            check_login(key.login, f"The access key for {name}", spaces=with_password)
            found.append(f"{option}={literal(key.login)}")
        if name in options:
            found.append(options[name])
    return tuple(found)


class _Vault(msgspec.Struct, frozen=True, kw_only=True):
    """A vault's argument, and the pipe that contains its password if it has one."""

    argument: str
    pipe: Pipe | None = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def _vaults(order: JobOrder) -> tuple[_Vault, ...]:
    """Return the vaults of an order.

    :raises Invalid: if Ansible would read a vault's name in another way, or a password
        is empty
    """
    return tuple(
        _vault(number, vault.name or "default", vault)
        for number, vault in enumerate(order.vaults)
    )


def _vault(number: int, name: str, vault: VaultPassword) -> _Vault:
    if "@" in name:
        raise Invalid(f"The vault name {quoted(name)} may not have an @")
    option = f"--vault-id={literal(name)}"
    if vault.script:
        # ./ since Ansible gives the word "prompt" another meaning
        script = literal(path_in_checkout(vault.script, "vault script"))
        return _Vault(argument=f"{option}@./{script}")
    password = _vault_password(vault.password)
    if not password.strip():
        raise Invalid(f"The password of the vault {name} is empty")
    pipe = Pipe(name=f"vault{number}", content=password.encode())
    return _Vault(argument=f"{option}@{{pipe:{pipe.name}}}", pipe=pipe)


def _vault_password(secret: OpenedSecret) -> str:
    """Return the password in a vault's key."""
    match secret:
        case LoginPassword(password=password):
            return password
        case Text(text=text):
            return text
        case _:
            return ""


def _with_repository_key(
    order: JobOrder,
    options: JobOptions,
    paths: Layout,
    steps: Callable[[dict[str, str]], tuple[Step, ...]],
    own: dict[str, str],
) -> tuple[Step, ...]:
    """Return *steps*, with an agent for the repository's key if that is an SSH key.

    The agent also has the inventory's key. Both are removed before the playbook runs.
    """
    key = order.source.key
    if not isinstance(key, SshKey):
        return steps(own)
    programs = ssh.of_requirements(options, paths)
    agent = Agent(
        name="requirements",
        socket=f"{WORKSPACE}/agent/{ssh.REQUIREMENTS}",
        environ=environ(options, paths),
        cwd=WORKSPACE,
        as_user=True,
    )
    lent = {**own, "SSH_AUTH_SOCK": agent.socket}
    if own["GIT_SSH_COMMAND"] == ssh.of_order(order, options, paths).git:
        lent["GIT_SSH_COMMAND"] = programs.git
    both = agent.begin(key)
    if order.inventory is not None and isinstance(order.inventory.key, SshKey):
        both += (agent.begin(order.inventory.key)[1],)
    return (*both, *steps(lent), *agent.end())


def _requirements(app: App, folder: str, environ: dict[str, str]) -> tuple[Step, ...]:
    """Return the steps that install the roles and collections of requirements files."""
    folders = (folder, "") if folder else ("",)
    wanted = [
        (posixpath.join(each, place, f"requirements.{ending}"), kind)
        for place, kind in (
            ("collections", ("collection",)),
            ("roles", ("role",)),
            # The old location accepts both kinds, and the old form of a list of roles.
            ("", ()),
        )
        for each in folders
        for ending in ("yml", "yaml")
    ]
    return tuple(
        Step(
            name="requirements",
            install=app.install,
            argv=(
                literal(app.beside("ansible-galaxy")),
                *(*kind, "install", "-r", literal(path), "--force"),
            ),
            cwd=f"{WORKSPACE}/{CHECKOUT}",
            environ=environ,
            requires=f"{WORKSPACE}/{CHECKOUT}/{literal(path)}",
            # Semaphore's message; Semaphore reads requirements.yml only
            absent=(f"No {path} file found. Skip galaxy install process.",)
            if path.endswith(".yml")
            else (),
            empty=(f"{path} names nothing. Skip galaxy install process.",),
            failure=f"What {path} names cannot be installed",
        )
        for path, kind in wanted
    )
