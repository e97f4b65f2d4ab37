"""All tables; the names are Semaphore's, so that its databases can be imported.

Columns are Integer, Text and LargeBinary only: statements are executed by the DBAPI
without SQLAlchemy's processors (see ``engine``). ``info`` describes the content of a
column: ``json`` (decoded when read) or ``sealed`` (an envelope of ``crypto.keyring``,
with its purpose). Times are texts, RFC 3339 in UTC with six decimals, so they sort as
texts. Booleans are 0 and 1.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from semaphore_twisted.persistence import (
    account_tables,
    integration_tables,
    result_tables,
    schedule_tables,
    state_tables,  # noqa: F401 - its tables belong to the metadata
    template_tables,
)
from semaphore_twisted.persistence.metadata import TABLES

metadata = TABLES
task_stage = result_tables.task_stage
task_run = result_tables.task_run
task_section = result_tables.task_section
task_host = result_tables.task_host
task_error = result_tables.task_error
schedule = schedule_tables.schedule
schedule_run = schedule_tables.schedule_run
integration = integration_tables.integration
user_option = account_tables.user_option
user_token = account_tables.user_token
template_vault = template_tables.template_vault
template_environment = template_tables.template_environment

_JSON = {"json": True}


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _reference(
    name: str, target: str, *, on_delete: str = "RESTRICT", nullable: bool = False
) -> Column[int]:
    return Column(
        name,
        Integer,
        ForeignKey(target, ondelete=on_delete),
        nullable=nullable,
        index=True,
    )


def _project() -> Column[int]:
    return _reference("project_id", "project.id", on_delete="CASCADE")


def _text(
    name: str, *, nullable: bool = False, default: str | None = None
) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


def _flag(name: str, *, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=str(default))


def _number(
    name: str, *, nullable: bool = False, default: int | None = None
) -> Column[int]:
    return Column(
        name,
        Integer,
        nullable=nullable,
        server_default=None if default is None else str(default),
    )


#: Facts about the installation: key ids in use, canaries, the instance's UUID.
option = Table(
    "option",
    metadata,
    Column("key", Text, primary_key=True),
    _text("value"),
)

#: Encrypted values of the installation itself, such as the local CA's key.
sealed_value = Table(
    "sealed_value",
    metadata,
    Column("name", Text, primary_key=True),
    _text("uuid"),
    Column("secret", Text, nullable=False, info={"sealed": "installation"}),
)

user = Table(
    "user",
    metadata,
    _id(),
    _text("created"),
    Column("username", Text, nullable=False, unique=True),
    _text("name"),
    Column("email", Text, nullable=False, unique=True),
    _text("password"),  # argon2id or bcrypt; empty for external users
    _flag("alert"),
    _flag("external"),
    _flag("admin"),
    _flag("active", default=1),
    #: case-folded forms, used for comparison
    _text("username_folded", default=""),
    _text("email_folded", default=""),
    Index("ux_user_username_folded", "username_folded", unique=True),
    Index("ux_user_email_folded", "email_folded", unique=True),
    sqlite_autoincrement=True,
)

session = Table(
    "session",
    metadata,
    _id(),
    _reference("user_id", "user.id", on_delete="CASCADE"),
    Column("digest", Text, nullable=False, unique=True),
    _text("created"),
    _text("last_active"),
    _text("ip"),
    _text("user_agent"),
)

#: Failed password guesses, per account and per address.
login_failure = Table(
    "login_failure",
    metadata,
    Column("subject", Text, primary_key=True),  # "account:…" or "address:…"
    _number("failures"),
    _text("last"),
)

project = Table(
    "project",
    metadata,
    _id(),
    Column("uuid", Text, nullable=False, unique=True),
    _text("created"),
    _text("name"),
    _flag("alert"),
    _text("alert_chat", nullable=True),
    _number("max_parallel_tasks", default=0),
    _text("type", default=""),
    sqlite_autoincrement=True,
)

project_user = Table(
    "project__user",
    metadata,
    Column(
        "project_id",
        Integer,
        ForeignKey("project.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "user_id",
        Integer,
        ForeignKey("user.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    _text("role"),
)

access_key = Table(
    "access_key",
    metadata,
    _id(),
    Column("uuid", Text, nullable=False, unique=True),
    _text("name"),
    _text("type"),
    _project(),
    _reference(
        "environment_id",
        "project__environment.id",
        on_delete="CASCADE",
        nullable=True,
    ),
    #: for the secret of a variable group: ``env`` or ``var``; otherwise empty
    _text("owner", default=""),
    Column("secret", Text, nullable=True, info={"sealed": "access_key"}),
    #: the public half of an SSH key
    _text("public_key", nullable=True),
    #: when the secret was last set, when a job last received it, and which (KeyUse)
    _text("changed", nullable=True),
    _text("last_used", nullable=True),
    _text("last_used_by", nullable=True),
    sqlite_autoincrement=True,
)

repository = Table(
    "project__repository",
    metadata,
    _id(),
    _project(),
    _text("name"),
    _text("git_url"),
    _text("git_branch", default=""),
    _reference("ssh_key_id", "access_key.id"),
    _reference("client_certificate_id", "access_key.id", nullable=True),
    #: the last check, as JSON
    _text("checked", nullable=True),
    sqlite_autoincrement=True,
)

inventory = Table(
    "project__inventory",
    metadata,
    _id(),
    _project(),
    _text("name"),
    _text("type"),
    _text("inventory", default=""),
    _reference("ssh_key_id", "access_key.id", nullable=True),
    _reference("become_key_id", "access_key.id", nullable=True),
    #: a template; not a foreign key, since templates already refer to inventories
    _number("holder_id", nullable=True),
    _reference("repository_id", "project__repository.id", nullable=True),
    #: the last check, as JSON
    _text("checked", nullable=True),
    sqlite_autoincrement=True,
)

environment = Table(
    "project__environment",
    metadata,
    _id(),
    _project(),
    _text("name"),
    _text("json", default="{}"),
    _text("env", nullable=True),
    sqlite_autoincrement=True,
)

view = Table(
    "project__view",
    metadata,
    _id(),
    _project(),
    _text("title"),
    _number("position", default=0),
    _flag("hidden"),
    _flag("sort_reverse"),
    #: ``all``: the tab of all templates; otherwise empty
    _text("type", default=""),
    _text("sort_column", default=""),
    sqlite_autoincrement=True,
)

template = Table(
    "project__template",
    metadata,
    _id(),
    _project(),
    _text("name"),
    _text("description", nullable=True),
    _text("playbook", default=""),
    _reference("inventory_id", "project__inventory.id", nullable=True),
    _reference("repository_id", "project__repository.id"),
    _reference("environment_id", "project__environment.id", nullable=True),
    _text("arguments", nullable=True),
    _flag("allow_override_args_in_task"),
    _text("type", default=""),
    _text("start_version", nullable=True),
    _reference(
        "build_template_id",
        "project__template.id",
        on_delete="SET NULL",
        nullable=True,
    ),
    _reference("view_id", "project__view.id", on_delete="SET NULL", nullable=True),
    Column("survey_vars", Text, nullable=True, info=_JSON),
    _flag("autorun"),
    _flag("suppress_success_alerts"),
    _text("app", default="ansible"),
    _text("git_branch", nullable=True),
    Column("task_params", Text, nullable=False, server_default="{}", info=_JSON),
    _flag("allow_override_branch_in_task"),
    _flag("allow_parallel_tasks"),
    _number("tasks", default=0),
    _number("max_task_duration_sec", default=0),
    _number("max_tasks", default=0),
    _number("max_task_age_days", default=0),
    sqlite_autoincrement=True,
)

task = Table(
    "task",
    metadata,
    _id(),
    Column("uuid", Text, nullable=False, unique=True),
    _project(),
    _reference("template_id", "project__template.id", on_delete="CASCADE"),
    _text("status"),
    _text("playbook", default=""),
    _text("environment", default=""),
    #: survey secrets of the task (JSON) while it waits; deleted when it starts
    Column("secret", Text, nullable=True, info={"sealed": "task"}),
    _text("arguments", nullable=True),
    _text("hosts_limit", default=""),
    _flag("debug"),
    _flag("dry_run"),
    _flag("diff"),
    Column("params", Text, nullable=False, server_default="{}", info=_JSON),
    _text("git_branch", nullable=True),
    _reference(
        "inventory_id", "project__inventory.id", on_delete="SET NULL", nullable=True
    ),
    _reference("user_id", "user.id", on_delete="SET NULL", nullable=True),
    _number("integration_id", nullable=True),
    _number("schedule_id", nullable=True),
    _text("created"),
    _text("start", nullable=True),
    _text("end", nullable=True),
    _text("message", default=""),
    _text("version", nullable=True),
    _text("commit_hash", nullable=True),
    _text("commit_message", default=""),
    _reference("build_task_id", "task.id", on_delete="SET NULL", nullable=True),
    #: number of bytes of the spool that are stored
    _number("spool_offset", default=0),
    #: number of stored lines of output
    _number("lines", default=0),
    #: the inventory of the run, 0 for none; it may be deleted once the task has ended
    _number("used_inventory_id", nullable=True),
    Index("ix_task_project_id_id", "project_id", "id"),
    Index("ix_task_project_id_created", "project_id", "created"),
    Index("ix_task_project_id_end", "project_id", "end"),
    Index("ix_task_project_id_status", "project_id", "status"),
    Index("ix_task_status", "status"),
    sqlite_autoincrement=True,
)

#: Lines ``first`` to ``last`` of a task's log, compressed by zlib; each line is time,
#: tab, text and newline.
task_output = Table(
    "task__output",
    metadata,
    Column(
        "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("first", Integer, primary_key=True),
    _number("last"),
    Column("lines", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

event = Table(
    "event",
    metadata,
    _id(),
    _reference("project_id", "project.id", on_delete="CASCADE", nullable=True),
    _reference("user_id", "user.id", on_delete="SET NULL", nullable=True),
    _number("integration_id", nullable=True),
    _text("object_type", nullable=True),
    _number("object_id", nullable=True),
    _text("object_name", default=""),
    _text("description", nullable=True),
    _text("created"),
    _text("ip", default=""),
    #: ``created``, ``updated`` or ``deleted``; empty in old events
    _text("action", default=""),
    Index("ix_event_object_type_object_id", "object_type", "object_id"),
)

# The VPN. Keys are 32 raw bytes, addresses canonical texts without a prefix length.

#: One row; *revision* increases with each change of the desired state of the device.
vpn_network = Table(
    "vpn_network",
    metadata,
    _id(),
    _text("interface"),
    _text("endpoint"),
    _text("pool4"),
    _text("pool6", default=""),
    _text("server4"),
    _text("server6", default=""),
    Column("public_key", LargeBinary, nullable=False),
    _number("mtu"),
    _number("revision", default=0),
    CheckConstraint("length(public_key) = 32", name="ck_vpn_network_public_key"),
)

vpn_peer = Table(
    "vpn_peer",
    metadata,
    _id(),
    Column("uuid", Text, nullable=False, unique=True),
    _text("name"),
    _text("kind"),
    _text("state"),
    _reference("user_id", "user.id", on_delete="SET NULL", nullable=True),
    _reference("project_id", "project.id", on_delete="SET NULL", nullable=True),
    _reference("invite_id", "vpn_invite.id", on_delete="SET NULL", nullable=True),
    # the key of a revoked peer is kept, so that no other peer can use it
    Column("public_key", LargeBinary, nullable=False, unique=True),
    Column("preshared_key", Text, nullable=True, info={"sealed": "vpn_peer"}),
    # NULL after revocation: the address is then in quarantine
    Column("ipv4", Text, nullable=True, unique=True),
    Column("ipv6", Text, nullable=True, unique=True),
    Column("tags", Text, nullable=False, server_default="[]", info=_JSON),
    _text("created"),
    _text("expires", nullable=True),
    _text("ended", nullable=True),
    #: suspended or limited by a manager or administrator; the owner alone cannot undo
    #: it
    _flag("held"),
    _text("last_handshake", nullable=True),
    # the peer's last known endpoint on the device
    _text("outer_endpoint", nullable=True),
    # totals over all devices of the peer, and the counters of the current device
    _number("received", default=0),
    _number("sent", default=0),
    _number("device_received", default=0),
    _number("device_sent", default=0),
    CheckConstraint("length(public_key) = 32", name="ck_vpn_peer_public_key"),
    sqlite_autoincrement=True,
)

#: An address that a peer has released; it is not assigned again before *until*.
vpn_quarantine = Table(
    "vpn_quarantine",
    metadata,
    Column("address", Text, primary_key=True),
    _text("until"),
)

vpn_invite = Table(
    "vpn_invite",
    metadata,
    _id(),
    Column("token_digest", Text, nullable=False, unique=True),
    _text("prefix"),
    _text("kind"),
    _reference("user_id", "user.id", on_delete="CASCADE", nullable=True),
    _reference("project_id", "project.id", on_delete="CASCADE", nullable=True),
    _reference("created_by", "user.id", on_delete="SET NULL", nullable=True),
    _number("uses", default=0),
    _number("max_uses"),
    Column("tags", Text, nullable=False, server_default="[]", info=_JSON),
    # names of the site networks that are granted to peers made with it
    Column("grants", Text, nullable=False, server_default="[]", info=_JSON),
    # whether peers made with it need an approval
    _flag("approval"),
    _text("created"),
    _text("expires"),
    _text("peer_expires", nullable=True),
    _text("revoked", nullable=True),
    _text("last_used", nullable=True),
    sqlite_autoincrement=True,
)

vpn_site = Table(
    "vpn_site",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("network", Text, nullable=False, unique=True),
)

vpn_grant = Table(
    "vpn_grant",
    metadata,
    _id(),
    _reference("site_id", "vpn_site.id", on_delete="CASCADE"),
    _reference("peer_id", "vpn_peer.id", on_delete="CASCADE", nullable=True),
    _reference("user_id", "user.id", on_delete="CASCADE", nullable=True),
    _reference("project_id", "project.id", on_delete="CASCADE", nullable=True),
    UniqueConstraint("site_id", "peer_id"),
    UniqueConstraint("site_id", "user_id"),
    UniqueConstraint("site_id", "project_id"),
)
