"""A task with all its inputs and opened secrets: the input of ``jobs.invocation``.

An order exists in memory only, from the start of the task until its specification was
passed to the supervisor. Its ``repr`` shows no secret.
"""

from collections.abc import Mapping

import msgspec
from typing_extensions import override

from semaphore_twisted.model.apps import ANSIBLE, BUILT_IN, App, AppTable
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.ids import InventoryId, KeyId
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import JobIsolation
from semaphore_twisted.model.keys import ClientCertificate, NoSecret, OpenedSecret
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.templates import Template


class RepositorySource(msgspec.Struct, frozen=True, kw_only=True):
    """A repository with its opened key and its client certificate."""

    repository_id: int
    url: str
    branch: str
    key: OpenedSecret = NoSecret()
    certificate: ClientCertificate | None = None


class InventorySource(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory with its opened keys, and its own repository if it has one."""

    type: InventoryType
    inventory: str
    key: OpenedSecret = NoSecret()
    become: OpenedSecret = NoSecret()
    source: RepositorySource | None = None


class VaultPassword(msgspec.Struct, frozen=True, kw_only=True):
    """A vault id with its opened password, or with the script that prints it.

    *script* is a path in the repository; empty if there is a password.
    """

    name: str
    password: OpenedSecret = NoSecret()
    script: str = ""


class StateBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job keeps the state of Terraform: the alias of its task.

    *port* is that of the loopback address on which the job's relay listens, *socket*
    the path of the server's socket that it passes connections to.
    """

    port: int
    socket: str
    alias: str
    password: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "port", "socket")


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One task, ready to become a specification.

    Each name is in only one of *variables*, *answers*, *secret_variables* and
    *secret_answers*; those with *secret* in their name contain plain texts.
    """

    task: Task
    #: The name of the job's directories: random and unique.
    job_name: str
    template: Template
    username: str
    source: RepositorySource
    inventory: InventorySource | None = None
    inventory_id: InventoryId | None = None
    vaults: tuple[VaultPassword, ...] = ()
    #: Variables of the variable groups.
    variables: JsonObject = {}
    #: The task's answers to the template's survey.
    answers: JsonObject = {}
    #: Secret variables of the variable groups.
    secret_variables: dict[str, str] = {}
    #: Secret answers to the survey.
    secret_answers: dict[str, str] = {}
    #: Environment of the variable groups, and answers that the survey puts there.
    environment: dict[str, str] = {}
    secret_environment: dict[str, str] = {}
    #: Version of the build that a deploy task deploys.
    incoming_version: str | None = None
    #: The backend of a job that plans, if its workspace has a state here.
    state: StateBackend | None = None
    #: The access keys whose content is in this order.
    keys: frozenset[KeyId] = frozenset()
    #: The apps as they were set when the order was made.
    apps: AppTable = BUILT_IN

    @property
    def app(self) -> App:
        """The app of the template; raises ``Invalid`` if there is none."""
        return self.apps.get(self.template.app)

    @override
    def __repr__(self) -> str:
        """Show the task's id only."""
        return f"JobOrder(task={self.task.id})"


class CheckOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The check of an inventory or a repository, ready to become a specification.

    *source* is the repository that is checked, or the one with the inventory's file.
    """

    job_name: str
    inventory: InventorySource | None = None
    source: RepositorySource | None = None
    #: The access keys whose content is in this order.
    keys: frozenset[KeyId] = frozenset()
    #: Ansible, as it was set when the order was made.
    ansible: App = ANSIBLE

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "job_name")


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The installation's settings for all jobs; paths are absolute."""

    #: Parent of the private directories, one for each job.
    workspaces: str
    #: Parent of the spools, one for each job.
    spools: str
    #: Parent of the bare clones, one for each repository and URL.
    repositories: str
    known_hosts: str
    #: The content of *known_hosts*: a job of another user (*uid*) gets a copy.
    known_hosts_text: bytes = b""
    #: ``accept-new``, ``yes`` or ``no``.
    strict_host_key_checking: str = "accept-new"
    ssh_config: str | None = None
    #: Whether programs in a workspace can be executed; the file system may forbid it.
    runs_programs: bool = True
    #: Whether a project may set options of ssh, except those for host keys.
    project_ssh_options: bool = True
    #: The operator's rules for repositories.
    rules: RepositoryRules = RepositoryRules()
    #: A PEM file with the CA certificates that git trusts instead of the system's.
    ca_bundle: str | None = None
    #: Base URL of links to tasks, without a trailing slash; ``None`` if unknown.
    web_host: str | None = None
    #: ``env_vars`` of the configuration and the forwarded variables, resolved.
    environment: Mapping[str, str] = {}
    #: The PATH of jobs.
    search_path: str = "/usr/local/bin:/usr/bin:/bin"
    #: Programs that are searched after those of the PATH; absolute paths.
    programs: tuple[str, ...] = ()
    time_limit: float = 0
    max_output_bytes: int = 1 << 30
    uid: int | None = None
    gid: int | None = None
    isolation: JobIsolation | None = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)
